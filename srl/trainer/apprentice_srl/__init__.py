"""Step-wise rewards for trainers.

A row of a feed (``apprentice srl feed``) carries a label, the text that scores answers to it. The modules
``trl``, ``verl``, ``openrlhf`` and ``slime`` have the functions that these trainers call with it. They ask
a reward server, ``apprentice srl serve``:

- the one that APPRENTICE_SRL_URL names, ``http://host:port`` or ``unix:/path``, with the token of
  APPRENTICE_SERVE_TOKEN, if there is one;
- or else one that they start for this process, with the program that APPRENTICE_PROGRAM names, or
  ``apprentice`` of PATH;
- or else, with a warning, Python's difflib takes its place: the same rewards ``bare`` and ``paper``, and
  neither ``action`` nor ``patch``.

An output without a reward is None, or an error where a trainer has no None. It is never a number.
"""

from .client import Client, LabelError, ServerError, default
from .groups import Group, NotScored, Scored, keep, spread
from .plain import Plain, PlainError

__all__ = [
    "Client",
    "Group",
    "LabelError",
    "NotScored",
    "Plain",
    "PlainError",
    "Scored",
    "ServerError",
    "default",
    "keep",
    "spread",
]
