"""The client of the reward server."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from .child import Child, StartError, program
from .groups import Group, LabelError, Scored, Scorer
from .plain import Plain

__all__ = ["Client", "LabelError", "ServerError", "default"]

# How much goes into one request: less than the server's bounds, and enough to keep all processors busy.
_OUTPUTS = 4096
_CHARACTERS = 8 << 20

_RETRIED = (502, 503, 504)


class ServerError(RuntimeError):
    """The reward server cannot be reached, or has failed."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("apprentice", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """A client of one server, for any number of threads, and for processes that are forked from this one.

    The url is ``http://host:port``, ``https://host:port`` or ``unix:/path``, and may hold the token as its
    password. The timeout is that of one try, in seconds. A server that does not answer is tried again, for
    patience seconds in all.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 600, patience: float = 30) -> None:
        parts = urlsplit(url)
        if parts.scheme == "unix" and parts.path:
            self._path = unquote(parts.path)
        elif parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url}: want http://host:port, https://host:port or unix:/path")
        self._url = parts
        self._token = token or unquote(parts.password or "")
        self._timeout = timeout
        self._patience = patience
        # A deque needs no lock, which a fork could leave locked.
        self._idle: deque[tuple[int, http.client.HTTPConnection]] = deque()

    def score(self, groups: Sequence[Group], epsilon: float = 0.0) -> list[Scored]:
        """Scores groups. Raises LabelError for a group whose label is wrong, and ServerError."""
        results: list[Scored] = []
        batch: list[Group] = []
        outputs = characters = 0
        for g in groups:
            size = len(g.label) + sum(map(len, g.outputs))
            if batch and (outputs + len(g.outputs) > _OUTPUTS or characters + size > _CHARACTERS):
                results += self._batch(batch, epsilon)
                batch, outputs, characters = [], 0, 0
            batch.append(g)
            outputs += len(g.outputs)
            characters += size
        if batch:
            results += self._batch(batch, epsilon)
        return results

    def _batch(self, groups: list[Group], epsilon: float) -> list[Scored]:
        body = {
            "groups": [{"label": g.label, "outputs": list(g.outputs)} for g in groups],
            "epsilon": epsilon,
        }
        reply = self._post("/v1/score", json.dumps(body).encode())
        results = []
        for g, r in zip(groups, reply["groups"]):
            none = [""] * len(g.outputs)
            results.append(
                Scored(
                    r["id"],
                    r["rewards"],
                    r.get("violations", none),
                    r.get("not_scored", none),
                    r["std"],
                    r["keep"],
                )
            )
        return results

    def _post(self, path: str, body: bytes) -> Any:
        end, pause = time.monotonic() + self._patience, 0.1
        while True:
            try:
                status, text = self._try(path, body)
                if status not in _RETRIED:
                    break
                failure = f"status {status}: {_error(text)}"
            except (OSError, http.client.HTTPException) as e:
                failure = f"{type(e).__name__}: {e}"
            if time.monotonic() + pause > end:
                raise ServerError(f"the reward server at {self._where()}: {failure}")
            time.sleep(pause)
            pause = min(2 * pause, 5)
        if status == 200:
            return json.loads(text)
        if status == 400:
            raise LabelError(_error(text))
        raise ServerError(f"the reward server at {self._where()}: status {status}: {_error(text)}")

    def _try(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Posts once, and once more if a connection that was kept had been closed meanwhile."""
        kept = self._kept()
        if kept is not None:
            try:
                return self._exchange(kept, path, body)
            except (OSError, http.client.HTTPException):
                pass
        return self._exchange(self._connect(), path, body)

    def _exchange(self, c: http.client.HTTPConnection, path: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            credentials = base64.b64encode(f"apprentice:{self._token}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        try:
            c.request("POST", path, body, headers)
            response = c.getresponse()
            status, text = response.status, response.read()
        except BaseException:
            c.close()
            raise
        self._idle.append((os.getpid(), c))
        return status, text

    def _kept(self) -> http.client.HTTPConnection | None:
        """A connection that is idle, if there is one. Those from before a fork are the other process's."""
        while True:
            try:
                process, c = self._idle.pop()
            except IndexError:
                return None
            if process == os.getpid():
                return c
            c.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "unix":
            return _UnixConnection(self._path, self._timeout)
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def close(self) -> None:
        """Closes the connections that are idle."""
        while (c := self._kept()) is not None:
            c.close()

    def _where(self) -> str:
        return self._url._replace(netloc=self._url.netloc.rpartition("@")[2]).geturl()  # without the token


def _error(text: bytes) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, TypeError, KeyError):
        return text[:200].decode(errors="replace")


class _Started:
    """A scorer with a server of its own, which is started again if it ends."""

    def __init__(self, path: str) -> None:
        self._program = path
        self._lock = threading.Lock()
        self._child = Child(path)
        self._client = Client(f"unix:{self._child.socket}", patience=1)

    def score(self, groups: Sequence[Group], epsilon: float = 0.0) -> list[Scored]:
        client = self._client
        try:
            return client.score(groups, epsilon)
        except ServerError:
            with self._lock:
                if self._client is client:
                    if self._child.running():
                        raise
                    self.stop()
                    self._child = Child(self._program)
                    self._client = Client(f"unix:{self._child.socket}", patience=1)
                client = self._client
            return client.score(groups, epsilon)

    def stop(self) -> None:
        """Ends the server."""
        self._client.close()
        self._child.stop()

    def forget(self) -> None:
        """Leaves the server to the process that this one was forked from."""
        self._client.close()
        self._child.forget()


_lock = threading.Lock()
_default: Scorer | None = None


def default() -> Scorer:
    """The scorer of this process; see the package for which it is."""
    global _default
    with _lock:
        if _default is None:
            _default = _choose()
        return _default


def _choose() -> Scorer:
    url = os.environ.get("APPRENTICE_SRL_URL", "")
    if url:
        return Client(url, os.environ.get("APPRENTICE_SERVE_TOKEN", ""))
    path = program()
    why = "there is no program 'apprentice' in PATH, and APPRENTICE_PROGRAM names none"
    if path is not None:
        try:
            return _Started(path)
        except StartError as e:
            why = str(e)
    warnings.warn(
        f"{why}: Python's difflib takes the place of the reward server, hundreds of times slower, and for the "
        "rewards bare and paper only",
        RuntimeWarning,
        stacklevel=3,
    )
    return Plain()


def _forked() -> None:
    global _default, _lock
    _lock = threading.Lock()  # a thread that is not here may have held it
    if isinstance(_default, _Started):
        _default.forget()
        _default = None


os.register_at_fork(after_in_child=_forked)
