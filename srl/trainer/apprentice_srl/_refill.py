"""Batches that stay full although groups are dropped, for trainers that do not see to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Generic, TypeVar

from ._client import spread

T = TypeVar("T")

FORMAT_ERROR = -1.0


class Refill(Generic[T]):
    """Collects the groups that the SRL paper's filter keeps, in batches of one size.

        refill = Refill(batch=64, epsilon=0.001, most=256)
        while (full := refill.take()) is None:
            for group, rewards in generate(refill.missing()):
                refill.add(group, rewards)

    A group is kept if the population standard deviation of its rewards exceeds epsilon; rewards
    that are None are left out, and a group with fewer than two others is dropped as unscored.
    Kept groups beyond a batch are carried over. After `most` groups for one batch (0 is no
    bound) it comes out short, and may be empty. It is srl.Refill of the Go package, and gives
    the same verdicts. Not for several threads at once.
    """

    def __init__(self, batch: int, epsilon: float, most: int = 0) -> None:
        if batch < 1 or (most and most < batch):
            raise ValueError(f"a batch of {batch} groups, of at most {most}: want 1 or more, and as many at least")
        self._batch, self._epsilon, self._most = batch, epsilon, most
        self._kept: list[T] = []
        self._generated = 0
        self.verdicts: Counter[str] = Counter()

    def add(self, group: T, rewards: Sequence[float | None]) -> str:
        """Judges a group, and keeps or drops it. Returns the verdict."""
        known = [r for r in rewards if r is not None]
        if len(known) < 2:
            verdict = "unscored"
        elif spread(known) > self._epsilon:
            verdict = "kept"
            self._kept.append(group)
        elif all(r == FORMAT_ERROR for r in known):
            verdict = "all format errors"
        elif all(r == 1.0 for r in known):
            verdict = "all right"
        else:
            verdict = "no spread"
        self._generated += 1
        self.verdicts[verdict] += 1
        return verdict

    def missing(self) -> int:
        """How many groups the next batch lacks: at least as many have to be generated."""
        if self._most and self._generated >= self._most:
            return 0
        return max(0, self._batch - len(self._kept))

    def take(self) -> list[T] | None:
        """The next batch, and None while groups are missing."""
        if self.missing() > 0:
            return None
        full, self._kept = self._kept[: self._batch], self._kept[self._batch :]
        self._generated = 0
        return full
