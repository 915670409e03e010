"""verl's hook: reward.custom_reward_function.path=<this file> .name=compute_score.

verl decodes without special tokens. Where a tokenizer counts <think> as one, make the step
examples with --tags-stripped; else every output breaks the format.
"""

from __future__ import annotations

from typing import Any

from apprentice_srl import Group, RewardError, score
from apprentice_srl._texts import check_ids


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None, **_: Any
) -> dict[str, Any]:
    """Scores one output. verl filters groups by a key of this dict: algorithm.filter_groups.metric=score.

    An output that cannot be scored raises: verl has no value that says so, and any number would
    be learned from. Its trainer (0.9, verl.trainer.ppo.v1) logs that and counts the group as failed;
    trainer.v1.sampler.sync_refill_failed_groups replaces it. The example's id is checked against the row's.
    """
    check_ids([ground_truth], [(extra_info or {}).get("example_id")])
    scored = score([Group(ground_truth, [solution_str])])[0]
    reward, why = scored.rewards[0], scored.reasons[0]
    if reward is None:
        raise RewardError(f"example {(extra_info or {}).get('example_id', '?')} of {data_source} is not scored: {why}")
    return {"score": reward, "malformed": float(reward < 0), "reason": why}
