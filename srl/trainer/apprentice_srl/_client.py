"""The client of the reward server, and the child process that is one."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import math
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _plain


class RewardError(Exception):
    """The server could not be asked, or refused the request. It is never the model's fault."""


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


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Asks one reward server. It may be used by several threads, and after a fork."""

    def __init__(self, url: str, token: str | None = None, timeout: float = 120.0, tries: int = 3) -> None:
        if not url.startswith(("http://", "https://", "unix:")):
            raise ValueError(f"reward server {url!r}: want http://host:port or unix:/path")
        self.url = url
        self.token = token if token is not None else os.environ.get("APPRENTICE_REWARD_TOKEN", "")
        self.timeout = timeout
        self.tries = tries
        self._local = threading.local()

    def score(self, groups: Sequence[Group], epsilon: float | None = None) -> list[Scored]:
        """Scores the outputs of groups, in their order."""
        asked: dict[str, Any] = {
            "groups": [{"label": g.label, "outputs": list(g.outputs)} for g in groups if g.outputs]
        }
        if not asked["groups"]:
            return [Scored([], [], 0.0, False) for _ in groups]
        if epsilon is not None:
            asked["epsilon"] = epsilon
        # Surrogates, which tokenizers make of broken UTF-8, have no UTF-8: JSON escapes them.
        answer = self._post("/v1/score", json.dumps(asked).encode("ascii"))
        try:
            answers = iter(answer["groups"])
            found = [_scored(next(answers)) if g.outputs else Scored([], [], 0.0, False) for g in groups]
        except (KeyError, TypeError, StopIteration) as e:
            raise RewardError(f"{self.url}: the answer is none of a reward server") from e
        if [len(s.rewards) for s in found] != [len(g.outputs) for g in groups]:
            raise RewardError(f"{self.url}: the answer has not a reward for each output")
        return found

    def close(self) -> None:
        """Closes the connection of this thread."""
        kept = getattr(self._local, "kept", None)
        if kept is not None:
            kept[1].close()
            self._local.kept = None

    def healthy(self) -> bool:
        """Reports whether the server answers and takes requests."""
        try:
            connection = self._connect()
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            finally:
                connection.close()
        except OSError:
            return False

    def _connect(self) -> http.client.HTTPConnection:
        if self.url.startswith("unix:"):
            return _UnixConnection(self.url[len("unix:") :], self.timeout)
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout)

    def _post(self, path: str, body: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        for attempt in range(1, self.tries + 1):
            # A connection belongs to one thread of one process.
            kept: tuple[int, http.client.HTTPConnection] | None = getattr(self._local, "kept", None)
            connection = kept[1] if kept is not None and kept[0] == os.getpid() else self._connect()
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                self._local.kept = None
                if attempt == self.tries:
                    raise RewardError(f"{self.url}: {e or type(e).__name__} ({attempt} tries)") from e
                time.sleep(0.2 * attempt)
                continue
            self._local.kept = (os.getpid(), connection)
            if response.status == 200:
                return json.loads(text)
            if response.status == 503 and attempt < self.tries:  # it is ending, or busy
                time.sleep(0.2 * attempt)
                continue
            raise RewardError(f"{self.url}: {response.status}: {_error(text)}")
        raise RewardError(f"{self.url}: no try was allowed")


def _scored(group: dict[str, Any]) -> Scored:
    """Reads a group of an answer. Its two lists of reasons are there where there is one."""
    none = [""] * len(group["rewards"])
    why = [v or n for v, n in zip(group.get("violations", none), group.get("not_scored", none))]
    return Scored(group["rewards"], why, group["std"], group["keep"])


def _error(text: bytes) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"])
    return text.decode("utf-8", "replace").strip()


class _Child:
    """A reward server of this process: it ends when its standard input does."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="apprentice-srl-")
        url = "unix:" + os.path.join(self._folder, "reward.sock")
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [program, "srl", "serve", "--unix", url[len("unix:") :], "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        self.client = Client(url)
        atexit.register(self.close)
        deadline = time.monotonic() + 10
        while not self.client.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RewardError(f"{program} srl serve did not start")
            time.sleep(0.02)

    def close(self) -> None:
        if os.getpid() != self._owner:  # a fork has a copy of this object, not a server
            return
        self.client.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


_lock = threading.Lock()
_found: tuple[int, Client | None, _Child | None] | None = None


def _server() -> Client | None:
    """Finds the server of this process, once: the one that is named, or a child of its own."""
    global _found
    with _lock:
        # After a fork the parent's child still answers, as long as the parent lives.
        if _found is not None and (_found[0] == os.getpid() or _found[2] is None or _found[2].client.healthy()):
            return _found[1]
        url = os.environ.get("APPRENTICE_REWARD_URL", "")
        program = os.environ.get("APPRENTICE") or shutil.which("apprentice")
        if url:
            _found = (os.getpid(), Client(url), None)
        elif program:
            child = _Child(program)
            _found = (os.getpid(), child.client, child)
        else:
            warnings.warn(
                "there is no reward server: Python's difflib scores in its place, which takes very long. "
                "Put the program `apprentice` on the PATH, or name a server in APPRENTICE_REWARD_URL.",
                RuntimeWarning,
                stacklevel=3,
            )
            _found = (os.getpid(), None, None)
        return _found[1]


def score(groups: Sequence[Group], epsilon: float | None = None) -> list[Scored]:
    """Scores the outputs of groups, in their order, wherever that can be done (see the package)."""
    server = _server()
    if server is not None:
        return server.score(groups, epsilon)
    scored = []
    for g in groups:
        try:
            results = [_plain.score(g.label, output) for output in g.outputs]
        except _plain.LabelError as e:
            raise RewardError(str(e)) from e
        rewards: list[float | None] = [r for r, _ in results]
        std = spread(rewards)
        scored.append(Scored(rewards, [why for _, why in results], std, std > (epsilon or 0.0)))
    return scored


def spread(rewards: Sequence[float | None]) -> float:
    """The population standard deviation of the rewards that there are."""
    known = [r for r in rewards if r is not None]
    if not known:
        return 0.0
    mean = math.fsum(known) / len(known)
    return math.sqrt(math.fsum((r - mean) ** 2 for r in known) / len(known))
