"""The rewards bare and paper by Python's own difflib, for where there is no server.

They are the server's to the bit. What is compared, and what breaks the format, is written down in the
project's docs/rewards.md; this is the same once more, in Python.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .groups import FORMAT_ERROR, Group, LabelError, Scored, scored

# The pair of texts with more products of their lengths than this is not scored: it could take difflib
# minutes, and nothing can stop it.
_MOST = 100_000_000

# What Go takes for space, which is what the server trims.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACE += "\u2028\u2029\u202f\u205f\u3000"
_JSON_SPACE = " \t\r\n"
_SURROGATES = re.compile("[\ud800-\udfff]")

_THINK, _THINK_END = "<think>", "</think>"


class PlainError(RuntimeError):
    """The reward needs the server."""


class _Violation(Exception):
    """The output breaks the format."""


_NO_THOUGHT_END = "no </think>"
_THINK_TAGS = "nested or repeated think tags"
_NO_ACTION = "nothing after </think>"
_NO_CALL = "no tool call after </think>"
_BAD_CALL = "a tool call that cannot be read"
_PROSE = "text outside of the thought and the tool calls"
_TOO_MANY_CALLS = "more tool calls than the step has"


class _Call:
    """A tool call: the tool, and the texts of its arguments' values."""

    def __init__(self, tool: str, arguments: list[tuple[str, str]]) -> None:
        names = [name for name, _ in arguments]
        if len(set(names)) < len(names):
            raise _Violation(_BAD_CALL)
        self.tool = tool
        self.values = [value for _, value in arguments]


def _unicode(text: str) -> str:
    return _SURROGATES.sub("\ufffd", text)


def _read_xml(text: str) -> tuple[_Call, str]:
    def name(text: str) -> tuple[str, str]:
        name, found, rest = text.partition(">")
        if not found or not name or "<" in name or "\n" in name:
            raise _Violation(_BAD_CALL)
        return name, rest

    tool, rest = name(text[len("<function=") :])
    arguments: list[tuple[str, str]] = []
    while True:
        rest = rest.lstrip(_JSON_SPACE)
        if rest.startswith("</function>"):
            return _Call(tool, arguments), rest[len("</function>") :]
        if not rest.startswith("<parameter="):
            raise _Violation(_BAD_CALL)
        parameter, rest = name(rest[len("<parameter=") :])
        value, found, rest = rest.partition("</parameter>")
        if not found:
            raise _Violation(_BAD_CALL)
        if value == "\n":
            value = ""
        elif len(value) > 1 and value.startswith("\n") and value.endswith("\n"):
            value = value[1:-1]
        arguments.append((parameter, value))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_json = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)
_json_token = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


def _members(text: str, at: int) -> tuple[list[tuple[str, Any, str]], int]:
    """The members of the JSON object that begins at a place: name, value, and the value's text; and its end."""

    def space(at: int) -> int:
        while text[at : at + 1] in (" ", "\t", "\r", "\n"):
            at += 1
        return at

    members: list[tuple[str, Any, str]] = []
    at = space(at + 1)
    if text[at : at + 1] == "}":
        return members, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise ValueError("no name")
        name, at = _json.raw_decode(text, at)
        at = space(at)
        if text[at : at + 1] != ":":
            raise ValueError("no colon")
        start = space(at + 1)
        value, at = _json.raw_decode(text, start)
        members.append((_unicode(name), value, text[start:at]))
        at = space(at)
        if text[at : at + 1] == "}":
            return members, at + 1
        if text[at : at + 1] != ",":
            raise ValueError("no comma")
        at = space(at + 1)


def _arguments(text: str) -> list[tuple[str, str]]:
    text = text.strip(_JSON_SPACE)
    if not text:
        return []  # which is what some models write for a tool without parameters
    if not text.startswith("{"):
        raise ValueError("no object")
    members, end = _members(text, 0)
    if end != len(text):
        raise ValueError("more than one value")
    return [
        (name, _unicode(value) if raw.startswith('"') else _json_token.sub(lambda m: m[1] or "", raw))
        for name, value, raw in members
    ]


def _read_json(text: str) -> tuple[_Call, str]:
    try:
        members, end = _members(text, 0)
        tool, arguments = None, ""
        for name, value, raw in members:
            if name.lower() == "name":
                if raw != "null" and not raw.startswith('"'):
                    raise ValueError("a name that is no string")
                tool = None if raw == "null" else _unicode(value)
            elif name.lower() == "arguments":
                arguments = raw
                if raw == "null":
                    arguments = ""
                elif raw.startswith('"'):
                    arguments = _unicode(value)  # the wire form of the OpenAI API
        if not tool:
            raise ValueError("no name")
        return _Call(tool, _arguments(arguments)), text[end:]
    except (ValueError, RecursionError) as e:
        raise _Violation(_BAD_CALL) from e


def _read_bash(text: str) -> tuple[_Call, str]:
    command, found, rest = text[len("```bash\n") :].partition("\n```")
    if not found:
        raise _Violation(_BAD_CALL)
    return _Call("bash", [("command", command)]), rest


# How a call begins in each language, and what reads one.
_languages: dict[str, tuple[re.Pattern[str], Callable[[str], tuple[_Call, str]]]] = {
    "xml": (re.compile("<function="), _read_xml),
    "json": (re.compile(r'\{[\t\n\f\r ]*"(?:name|arguments)"[\t\n\f\r ]*:'), _read_json),
    "bash": (re.compile("```bash\n"), _read_bash),
}


def _calls(action: str, language: str) -> list[_Call]:
    if not action.strip(_SPACE):
        raise _Violation(_NO_ACTION)
    start, read = _languages[language]
    calls: list[_Call] = []
    outside = ""  # the first violation outside of calls; a broken call is the graver one
    rest = action
    while True:
        at = start.search(rest)
        before = rest if at is None else rest[: at.start()]
        if not outside and before.strip(_SPACE):
            outside = _THINK_TAGS if _THINK in before or _THINK_END in before else _PROSE
        if at is None:
            break
        call, rest = read(rest[at.start() :])
        calls.append(call)
    if not calls and outside == _PROSE:
        raise _Violation(_NO_CALL)
    if outside:
        raise _Violation(outside)
    return calls


def _action(output: str, language: str, stripped: bool) -> str:
    """The text of the action in an output."""
    if stripped:
        at = _languages[language][0].search(output)
        if at is not None and _THINK_END not in output[: at.start()]:
            output = output[: at.start()] + _THINK_END + output[at.start() :]
    thought, found, action = output.partition(_THINK_END)
    if not found:
        raise _Violation(_NO_THOUGHT_END)
    before, opened, inside = thought.partition(_THINK)
    action = action.strip(_SPACE)
    if _THINK in inside or action.startswith((_THINK, _THINK_END)):
        raise _Violation(_THINK_TAGS)
    if not action:
        raise _Violation(_NO_ACTION)
    if opened and before.strip(_SPACE):
        raise _Violation(_PROSE)
    return action


def _bare(calls: list[_Call]) -> str:
    return "\n".join("\n".join([call.tool, *call.values]) for call in calls)


@dataclass(frozen=True)
class _Label:
    id: str
    action: str
    paper: bool
    language: str
    stripped: bool


_KNOWN = {"bare": (1, False, "stripped"), "paper": (1, True, "kept")}


def _label(text: str) -> _Label:
    try:
        raw = json.loads(text)
        name, action, r = _unicode(raw["id"]), _unicode(raw["action"]), raw["reward"]
        reward, language = r["name"], r["format"]["language"]
        stripped = bool(r["format"].get("tags_stripped", False))
        settings = (r["version"], r.get("autojunk", False), r["wrapper"])
        check = raw["check"]
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise LabelError(f"bad label: {type(e).__name__}: {e}") from e
    if hashlib.sha256(f"{name}\0{action}".encode()).hexdigest()[:16] != check:
        raise LabelError(f"bad label: the action is not that of example {name}")
    if reward not in _KNOWN:
        raise PlainError(f"the reward {reward} needs the reward server: install the program 'apprentice'")
    if settings != _KNOWN[reward] or language not in _languages:
        raise LabelError(f"bad label: example {name}: the reward {reward} with these settings is not known here")
    return _Label(name, action, reward == "paper", language, stripped)


class Plain:
    """Scores without a server: the rewards bare and paper, by Python's difflib. Raises PlainError for others."""

    def score(self, groups: Sequence[Group], epsilon: float = 0.0) -> list[Scored]:
        return [self._group(g, epsilon) for g in groups]

    def _group(self, group: Group, epsilon: float) -> Scored:
        label = _label(group.label)
        try:
            want = _calls(label.action, label.language)
        except _Violation as e:
            raise LabelError(f"bad label: example {label.id}: expert's action: {e}") from e
        expert = label.action.strip(_SPACE) if label.paper else _bare(want)
        matcher = difflib.SequenceMatcher(None, "", expert, autojunk=label.paper)  # it indexes the second text
        rewards: list[float | None] = []
        violations, not_scored = [""] * len(group.outputs), [""] * len(group.outputs)
        for i, output in enumerate(group.outputs):
            try:
                action = _action(_unicode(output), label.language, label.stripped)
                calls = _calls(action, label.language)
                if len(calls) > len(want):
                    raise _Violation(_TOO_MANY_CALLS)
            except _Violation as e:
                violations[i] = str(e)
                rewards.append(FORMAT_ERROR)
                continue
            text = action if label.paper else _bare(calls)
            if len(text) * len(expert) > _MOST:
                not_scored[i] = f"{len(text)} and {len(expert)} characters are too long for Python's difflib"
                rewards.append(None)
                continue
            matcher.set_seq1(text)
            rewards.append(matcher.ratio())
        return scored(label.id, rewards, violations, not_scored, epsilon)
