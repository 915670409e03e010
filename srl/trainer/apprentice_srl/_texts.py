"""What trainers hand over, as the text of an output."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ._client import RewardError

# Those that models end with. No action of any language ends so.
_SPECIAL = re.compile(
    r"(?:[\t\n\f\r ]*(?:<\|[^\s<>|]{1,40}\|>|<\uff5c[^\s<>]{1,40}\uff5c>|</s>|<eos>|<pad>|<end_of_turn>|\[PAD\]))+"
    r"[\t\n\f\r ]*\Z",
    re.ASCII,
)

# How many characters of a prompt must stand at the beginning of a query for it to be known as the rest of
# a prompt that was cut on the left.
_LEAST_OVERLAP = 64


def without_special_tokens(output: str) -> str:
    """Cuts special tokens off the end of an output, for trainers that decode with them."""
    while True:  # from the right, and only as far as tokens go: outputs may be megabytes
        bare = output.rstrip("\t\n\f\r ")
        head, tail = bare[:-4096], bare[-4096:]
        kept = _SPECIAL.sub("", tail)
        if kept == tail:
            return output
        output = head + kept


def completion(query: str, prompt: str) -> str:
    """Cuts the prompt off a query, or what is left of a prompt that was cut on the left.

    Raises ValueError if the query does not begin with it.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    start = query[:_LEAST_OVERLAP]
    at = prompt.find(start) if len(start) == _LEAST_OVERLAP else -1
    while at >= 0:
        if query.startswith(prompt[at:]):
            return query[len(prompt) - at :]
        at = prompt.find(start, at + 1)
    raise ValueError("the query does not begin with its prompt, so that the output cannot be told from it")


def output(completed: Any) -> str:
    """The text of a completion: a string, or the messages of a chat.

    Where a parser has taken the thought out of a message, it is put back. One that has taken the calls out
    must not: how the model wrote them is part of what is rewarded, and only the text tells.
    """
    if isinstance(completed, str):
        return completed
    if not isinstance(completed, list):
        raise TypeError(f"a completion is a {type(completed).__name__}: want a string, or messages")
    parts = []
    for message in completed:
        if message.get("role", "assistant") != "assistant":
            continue
        if message.get("tool_calls"):
            raise ValueError(
                "a message has tool_calls: have the model write its calls as text (no tools, no parser of them), "
                "as the prompt asks for"
            )
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content)
        thought = message.get("reasoning_content") or message.get("thinking")
        if thought and "</think>" not in content:
            parts.append(f"<think>\n{thought}\n</think>\n")
        parts.append(content)
    return "".join(parts)


def check_ids(labels: Sequence[str], ids: Sequence[Any]) -> None:
    """Raises RewardError where a label is not that of the example whose id stands beside it."""
    if len(labels) != len(ids):
        raise ValueError(f"there are {len(labels)} labels and {len(ids)} ids of examples")
    for label, id in zip(labels, ids):
        if id is None:
            continue
        try:
            named = json.loads(label)["id"]
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise RewardError(f"a label that cannot be read: {e}") from e
        if id != named:
            raise RewardError(f"the label is that of example {named}, and the row that of {id}")
