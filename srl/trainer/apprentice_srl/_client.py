"""The client of one reward server."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import math
import os
import socket
import threading
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# How much a request holds at most: a step of training may have gigabytes. An output that is larger
# by itself goes alone.
MOST_BYTES = 16 << 20
MOST_OUTPUTS = 4096


class RewardError(Exception):
    """The server could not be asked, or refused the request. It is never the model's fault."""


class _TooLarge(RewardError):
    """The server does not take a request of this size."""


@dataclass(frozen=True)
class Group:
    """The outputs of one prompt, with the label of its row."""

    label: str
    outputs: Sequence[str]


@dataclass(frozen=True)
class Scored:
    """What became of a group.

    rewards has a number in [0, 1] for each output, -1.0 for one that breaks the format, and
    None for one that could not be scored; reasons says why it is None or -1.0. std is the
    population standard deviation of the numbers, and keep whether it exceeds epsilon.
    """

    rewards: list[float | None]
    reasons: list[str]
    std: float
    keep: bool


Score = tuple["float | None", str]


def scored(results: Sequence[Score], epsilon: float | None) -> Scored:
    """Puts the scores of a group together."""
    rewards = [reward for reward, _ in results]
    std = spread(rewards)
    return Scored(rewards, [why for _, why in results], std, std > (epsilon or 0.0))


def spread(rewards: Sequence[float | None]) -> float:
    """The population standard deviation of the rewards that there are."""
    known = [r for r in rewards if r is not None]
    if not known:
        return 0.0
    mean = math.fsum(known) / len(known)
    return math.sqrt(math.fsum((r - mean) ** 2 for r in known) / len(known))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Asks one reward server. It may be used by several threads, and after a fork.

    url is http://host:port or unix:/path; a token may stand in it, as in http://x:TOKEN@host:port.
    timeout is how many seconds an answer may take, and patience how many a server may be away,
    as when it is started anew.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = 120.0, patience: float = 30.0) -> None:
        if not _is_url(url):
            raise ValueError("the reward server's URL: want http://host:port or unix:/path, and / in a token as %2F")
        parts = urllib.parse.urlsplit(url)
        if "@" in parts.netloc and not url.startswith("unix:"):
            given, _, host = parts.netloc.rpartition("@")
            if token is None:
                token = urllib.parse.unquote(given.partition(":")[2]) or None
            url = parts._replace(netloc=host).geturl()  # errors name it
        if token is None:
            token = os.environ.get("APPRENTICE_REWARD_TOKEN", "")
        self.url = url
        self.token = token.strip()
        if not all("!" <= c <= "~" for c in self.token):
            raise ValueError("the reward server's token: want one word of printable ASCII")
        self.timeout = timeout
        self.patience = patience
        self._local = threading.local()

    def score(self, groups: Sequence[Group], epsilon: float | None = None) -> list[Scored]:
        """Scores the outputs of groups, in their order."""
        # Surrogates, which tokenizers make of broken UTF-8, have no UTF-8: JSON escapes them.
        asked = [(json.dumps(g.label), json.dumps(output)) for g in groups for output in g.outputs]
        results = iter([r for batch in _batches(asked) for r in self._ask(batch)])
        return [scored(list(itertools.islice(results, len(g.outputs))), epsilon) for g in groups]

    def close(self) -> None:
        """Closes the connection of this thread."""
        kept = getattr(self._local, "kept", None)
        if kept is not None:
            kept[1].close()
            self._local.kept = None

    def healthy(self) -> bool:
        """Reports whether the server answers and takes requests."""
        connection = self._connect()
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self.url.startswith("unix:"):
            return _UnixConnection(self.url[len("unix:") :], self.timeout)
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout)

    def _ask(self, asked: Sequence[tuple[str, str]]) -> list[Score]:
        """Scores outputs, each a label and an output as JSON; those of one label in one group."""
        groups = []
        for label, of_one in itertools.groupby(asked, lambda one: one[0]):
            groups.append(f'{{"label":{label},"outputs":[{",".join(output for _, output in of_one)}]}}')
        try:
            answer = self._post("/v1/score", f'{{"groups":[{",".join(groups)}]}}'.encode("ascii"))
        except _TooLarge as e:
            if len(asked) == 1:
                return [(None, str(e))]
            half = len(asked) // 2
            return self._ask(asked[:half]) + self._ask(asked[half:])
        try:
            results = [r for group in answer["groups"] for r in _results(group)]
        except (KeyError, TypeError, ValueError) as e:
            raise RewardError(f"{self.url}: the answer is none of a reward server") from e
        if len(results) != len(asked):
            raise RewardError(f"{self.url}: the answer has not a reward for each output")
        return results

    def _post(self, path: str, body: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        deadline = time.monotonic() + self.patience
        pause = 0.1
        while True:
            # A connection belongs to one thread of one process.
            kept: tuple[int, http.client.HTTPConnection] | None = getattr(self._local, "kept", None)
            connection = kept[1] if kept is not None and kept[0] == os.getpid() else self._connect()
            self._local.kept = None
            try:
                # A server that does not take all of a body may have said why.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request("POST", path, body, headers)
                response = connection.getresponse()
                status, text = response.status, response.read()
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                failure = RewardError(f"{self.url}: {e or type(e).__name__}")
                failure.__cause__ = e
            else:
                self._local.kept = (os.getpid(), connection)
                if status == 200:
                    return self._parsed(text)
                failure = (_TooLarge if status == 413 else RewardError)(f"{self.url}: {status}: {_error(text)}")
                if status != 503:  # it is ending, or busy
                    raise failure
            if time.monotonic() + pause > deadline or not self._awaited():
                raise failure
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def _parsed(self, text: bytes) -> Any:
        try:
            return json.loads(text)
        except ValueError as e:
            raise RewardError(f"{self.url}: the answer is none of a reward server") from e

    def _awaited(self) -> bool:
        """Reports whether a server that does not answer may do so later."""
        return True


def _is_url(url: str) -> bool:
    """Reports whether it names a server. What is no URL is never printed: it may hold a token."""
    if url.startswith("unix:"):
        return True
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # raises if it is no number
    except ValueError:
        return False
    # An @ further on tells of a token that has cut the host short.
    return url.startswith(("http://", "https://")) and "@" not in parts.path + parts.query + parts.fragment


def _batches(asked: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    batches: list[list[tuple[str, str]]] = []
    size = 0
    for one in asked:
        n = len(one[0]) + len(one[1])
        if not batches or size + n > MOST_BYTES or len(batches[-1]) == MOST_OUTPUTS:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += n
    return batches


def _results(group: dict[str, Any]) -> list[Score]:
    """Reads a group of an answer. Its two lists of reasons are there where there is one."""
    rewards = group["rewards"]
    none = [""] * len(rewards)
    results: list[Score] = []
    for reward, wrong, why in zip(rewards, group.get("violations", none), group.get("not_scored", none)):
        if reward is not None and not (isinstance(reward, float) and math.isfinite(reward)):
            raise ValueError(f"{reward!r} is no reward")
        results.append((reward, wrong or why))
    return results


def _error(text: bytes) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"])
    return text.decode("utf-8", "replace").strip()
