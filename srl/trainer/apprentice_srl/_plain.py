"""The rewards `bare` and `paper` in plain Python, for when there is no reward server.

It reads outputs by the rules of the Go package srl/format (its documentation has the table of
what breaks the format) and compares with CPython's difflib, whose ratio the server gives to
the bit. The action language json and the rewards `action` and `patch` need the server.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from collections import Counter
from typing import Any

FORMAT_ERROR = -1.0

# What Go's strings.TrimSpace takes for space.
SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

NO_THOUGHT_END = "no </think>"
THINK_TAGS = "nested or repeated think tags"
NO_ACTION = "nothing after </think>"
NO_CALL = "no tool call after </think>"
BAD_CALL = "a tool call that cannot be read"
PROSE = "text outside of the thought and the tool calls"
TOO_MANY_CALLS = "more tool calls than the step has"


class LabelError(Exception):
    """A label that cannot be read, whose id and action do not belong together, or that needs the server."""


class Violation(Exception):
    """A way to break the format."""


# How many steps one pass of a comparison may take, which is a second or two.
MOST_STEPS = 20_000_000

# How many seconds all passes may take, as by the server. Texts like "- - -" and "---" have thousands.
MOST_SECONDS = 10.0


class _TooLong(Exception):
    """A comparison has taken MOST_SECONDS."""


class _Matcher(difflib.SequenceMatcher[str]):
    deadline = 0.0

    def find_longest_match(self, *args: Any, **kwargs: Any) -> difflib.Match:
        if time.monotonic() > self.deadline:
            raise _TooLong
        return super().find_longest_match(*args, **kwargs)


def score(label: str, output: str) -> tuple[float | None, str]:
    """Returns the reward of an output, and why it is -1.0, or None since it would take too long."""
    wanted = _label(label)
    rules = wanted["reward"]["format"]
    language = rules["language"]
    expert = _text(wanted["action"])
    try:
        calls = _calls(language, expert)
    except Violation as e:
        raise LabelError(f"the expert's action of example {wanted['id']}: {e}") from e
    try:
        action, read = _read(language, bool(rules.get("tags_stripped")), _text(output), len(calls))
    except Violation as e:
        return FORMAT_ERROR, str(e)
    if wanted["reward"]["name"] == "paper" or language == "text":
        model, expert = action, expert.strip(SPACE)
    else:
        model, expert = _bare(read), _bare(calls)
    matcher = _Matcher(None, "", expert, autojunk=wanted["reward"]["name"] == "paper")
    places: dict[str, list[int]] = vars(matcher)["b2j"]  # which is documented, and in no stubs
    steps = sum(n * len(places.get(c, ())) for c, n in Counter(model).items())
    if steps > MOST_STEPS:
        return None, f"Python would take too long: {steps} steps, and {MOST_STEPS} at most"
    matcher.set_seq1(model)
    matcher.deadline = time.monotonic() + MOST_SECONDS
    try:
        return matcher.ratio(), ""
    except _TooLong:
        return None, f"Python would take too long: more than {MOST_SECONDS:g} s"


def _label(text: str) -> Any:
    try:
        label = json.loads(text)
        reward = label["reward"]
        rules = reward["format"]
        name, language = reward["name"], rules["language"]
        sound = (
            isinstance(label["id"], str)
            and isinstance(label["action"], str)
            and reward["version"] == 1
            and type(reward["version"]) is int
            and reward.get("autojunk", False) is (name == "paper")
            and reward.get("wrapper") == ("kept" if name == "paper" else "stripped")
            and type(rules.get("tags_stripped", False)) is bool
        )
        check = hashlib.sha256(f"{label['id']}\0{label['action']}".encode("utf-8", "replace")).hexdigest()[:16]
        known = name in {"bare", "paper"} and language in {"xml", "bash", "text"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise LabelError(f"a label that cannot be read: {e}") from e
    if label.get("check") != check:
        raise LabelError(f"the action is not that of example {label['id']}")
    if not known:
        raise LabelError(
            f"reward {name} of actions in {language} needs the reward server: put the program "
            "`apprentice` on the PATH, or name a server in APPRENTICE_REWARD_URL"
        )
    if not sound:
        raise LabelError(f"the label of example {label['id']} has settings that reward {name} has not")
    return label


def _text(s: str) -> str:
    """Joins surrogate pairs, and replaces surrogates that stand alone, as JSON's readers in Go do."""
    return s.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(language: str, stripped: bool, output: str, most: int) -> tuple[str, list[list[str]]]:
    if stripped and language != "text":
        at = output.find(_START[language])
        if at >= 0 and "</think>" not in output[:at]:
            output = output[:at] + "</think>" + output[at:]
    thought, end, action = output.partition("</think>")
    if not end:
        raise Violation(NO_THOUGHT_END)
    before, opened, inside = thought.partition("<think>")
    action = action.strip(SPACE)
    if "<think>" in inside or action.startswith(("<think>", "</think>")):
        raise Violation(THINK_TAGS)
    if not action:
        raise Violation(NO_ACTION)
    if opened and before.strip(SPACE):
        raise Violation(PROSE)
    calls = _calls(language, action)
    if len(calls) > most:
        raise Violation(TOO_MANY_CALLS)
    return action, calls


_START = {"xml": "<function=", "bash": "```bash\n"}


def _calls(language: str, action: str) -> list[list[str]]:
    """Takes calls apart: of each the tool's name, and the values of its arguments."""
    if not action.strip(SPACE):
        raise Violation(NO_ACTION)
    if language == "text":
        return [["text", action.strip(SPACE)]]
    calls = []
    outside = ""  # the first violation outside of the calls
    rest = action
    while True:
        before, start, after = rest.partition(_START[language])
        if before.strip(SPACE) and not outside:
            outside = THINK_TAGS if "<think>" in before or "</think>" in before else PROSE
        if not start:
            break
        call, rest = _xml(after) if language == "xml" else _bash(after)
        calls.append(call)
    if not calls and outside == PROSE:
        raise Violation(NO_CALL)
    if outside:
        raise Violation(outside)
    return calls


def _xml(text: str) -> tuple[list[str], str]:
    name, found, rest = text.partition(">")
    if not found or not _is_name(name):
        raise Violation(BAD_CALL)
    call, seen = [name], set()
    while True:
        rest = rest.lstrip(" \t\r\n")
        if rest.startswith("</function>"):
            break
        if not rest.startswith("<parameter="):
            raise Violation(BAD_CALL)
        parameter, found, rest = rest[len("<parameter=") :].partition(">")
        if not found or not _is_name(parameter):
            raise Violation(BAD_CALL)
        value, found, rest = rest.partition("</parameter>")
        if not found:
            raise Violation(BAD_CALL)
        call.append(_unwrapped(value))
        if parameter in seen:
            seen.add("")  # the call is read to its end before it is refused
        seen.add(parameter)
    if "" in seen:
        raise Violation(BAD_CALL)
    return call, rest[len("</function>") :]


def _is_name(name: str) -> bool:
    return name != "" and not any(c in name for c in "<>\n")


def _unwrapped(value: str) -> str:
    if value == "\n":
        return ""
    if len(value) > 1 and value.startswith("\n") and value.endswith("\n"):
        return value[1:-1]
    return value


def _bash(text: str) -> tuple[list[str], str]:
    command, found, rest = text.partition("\n```")
    if not found:
        raise Violation(BAD_CALL)
    return ["bash", command], rest


def _bare(calls: list[list[str]]) -> str:
    return "\n".join("\n".join(call) for call in calls)
