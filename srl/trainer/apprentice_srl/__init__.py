"""Rewards of `apprentice srl serve`, for trainers.

Each row that `apprentice srl feed` writes has a label: one text with the expert's action and
the settings of the reward. `score` hands labels and outputs to the reward server; modules
named after trainers have the hook that each of them calls:

    apprentice_srl.trl.reward             TRL's GRPOTrainer(reward_funcs=[...])
    apprentice_srl.verl.compute_score     verl's reward.custom_reward_function
    apprentice_srl.openrlhf.reward_func   OpenRLHF's --reward.remote_url FILE.py
    apprentice_srl.slime.reward, .keep    slime's --custom-rm-path and --dynamic-sampling-filter-path

Where the server is, is said by APPRENTICE_REWARD_URL (http://host:port or unix:/path); its
token by APPRENTICE_REWARD_TOKEN. Without it, the program `apprentice` (or the one that
APPRENTICE names) is started as a child of this process, and ends with it. Where there is
none, Python's own difflib does the work, with a warning: the same scores, in a thousand
times the time, and for the rewards `bare` and `paper` only.

Refill keeps batches full where a trainer drops groups and does not replace them.

What cannot be scored is None, and never a number: a trainer has to leave it out.
"""

from ._client import Client, Group, RewardError, Scored
from ._refill import Refill
from ._server import score

__all__ = ["Client", "Group", "Refill", "RewardError", "Scored", "score"]
