"""Groups of outputs, their rewards, and which of them there is something to learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

FORMAT_ERROR = -1.0


class LabelError(ValueError):
    """A label cannot be read, or its id and its action do not belong together. It is never the model's fault."""


class NotScored(RuntimeError):
    """An output has no reward, for a reason that is not the model's."""


class Group(NamedTuple):
    """What a model answered to one example, and the label that scores it."""

    label: str
    outputs: Sequence[str]


@dataclass(frozen=True)
class Scored:
    """A group with its rewards, in the order of the outputs."""

    id: str
    rewards: list[float | None]
    """None for what was not scored."""
    violations: list[str]
    """Why the reward is -1, or else an empty text."""
    not_scored: list[str]
    """Why there is no reward, or else an empty text."""
    std: float
    """The population standard deviation of the rewards that there are."""
    keep: bool
    """Whether it exceeds epsilon."""


class Scorer(Protocol):
    """What scores groups: a Client, or Plain."""

    def score(self, groups: Sequence[Group], epsilon: float = 0.0) -> list[Scored]:
        """Scores groups. Raises LabelError for the first whose label is wrong."""


def spread(rewards: Sequence[float]) -> float:
    """The population standard deviation, as the server computes it: exactly 0 for equal rewards."""
    n = len(rewards)
    if n == 0:
        return 0.0
    # Shifted by the first reward, equal rewards deviate by exactly zero.
    mean = 0.0
    for r in rewards:
        mean += (r - rewards[0]) / n
    variance = 0.0
    for r in rewards:
        d = r - rewards[0] - mean
        variance += d * d / n
    return math.sqrt(variance)


def keep(rewards: Sequence[float | None], epsilon: float = 0.0) -> bool:
    """Whether there is something to learn from a group: at least two of its outputs have a reward, and the
    population standard deviation of these exceeds epsilon."""
    known = [r for r in rewards if r is not None and not math.isnan(r)]
    return len(known) > 1 and spread(known) > epsilon


def scored(
    name: str,
    rewards: list[float | None],
    violations: list[str],
    not_scored: list[str],
    epsilon: float,
) -> Scored:
    """A group whose rewards are known."""
    known = [r for r in rewards if r is not None]
    return Scored(name, rewards, violations, not_scored, spread(known), keep(rewards, epsilon))


def only(group: Scored) -> tuple[float, str]:
    """The reward of a group's only output, and how it breaks the format. Raises NotScored."""
    reward = group.rewards[0]
    if reward is None:
        raise NotScored(f"example {group.id}: not scored: {group.not_scored[0]}")
    return reward, group.violations[0]
