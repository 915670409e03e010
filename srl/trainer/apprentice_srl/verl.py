"""The reward function for verl: ``reward.custom_reward_function.path=…/apprentice_srl/verl.py``, with the
name ``compute_score``, and ``algorithm.filter_groups.metric=score``.

verl loads this file by its path, in processes of its own, so that the package must be installed on every
node.
"""

from __future__ import annotations

from typing import Any

from apprentice_srl.client import default
from apprentice_srl.groups import Group, only


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    **_: Any,
) -> dict[str, float]:
    """The reward of one output, as ``score``; the ground truth is the label.

    verl filters groups by a key of what this returns, and has no way to leave an output out: for one that
    was not scored it raises NotScored, which fails the row.
    """
    (scored,) = default().score([Group(ground_truth, [solution_str])])
    reward, violation = only(scored)
    return {"score": reward, "format_error": float(violation != "")}
