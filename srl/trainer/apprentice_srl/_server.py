"""Finds the reward server of this process: one that is named, or a child that is one."""

from __future__ import annotations

import contextlib
import multiprocessing.util
import os
import shutil
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence

from . import _plain
from ._client import Client, Group, RewardError, Scored, scored

# The path of a unix socket may have some hundred bytes, and the folders of batch systems are long.
_LONGEST_FOLDER = 60


class Child:
    """A reward server of this process: it ends when its standard input does."""

    def __init__(self, program: str) -> None:
        where = tempfile.gettempdir()
        self._folder = tempfile.mkdtemp(
            prefix="apprentice-srl-", dir=where if len(os.fsencode(where)) <= _LONGEST_FOLDER else "/tmp"
        )
        url = "unix:" + os.path.join(self._folder, "reward.sock")
        self._owner = os.getpid()
        try:
            self._process = subprocess.Popen(
                [program, "srl", "serve", "--unix", url[len("unix:") :], "--until-stdin-closes"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the trainer, which may want to save something
            )
        except OSError as e:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise RewardError(f"the reward server cannot be started: {e}") from e
        _children.append(self)
        self.client = _ChildsClient(self, url)
        # Unlike atexit's, it runs at the end of multiprocessing's workers, too.
        self._end = multiprocessing.util.Finalize(None, self.close, exitpriority=1)
        deadline = time.monotonic() + 10
        while not self.client.healthy():
            if not self.running() or time.monotonic() > deadline:
                self.close()
                raise RewardError(f"{program} srl serve did not start")
            time.sleep(0.02)

    def running(self) -> bool:
        """Reports whether it runs; to a fork, whether it answers."""
        return self._process.poll() is None if os.getpid() == self._owner else self.client.healthy()

    def forget(self) -> None:
        """Lets go of it in a fork. While a copy of its standard input were open, it would not end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def close(self) -> None:
        if os.getpid() != self._owner:  # a fork has a copy of this object, not a server
            return
        self._end.cancel()
        with contextlib.suppress(ValueError):
            _children.remove(self)
        self.client.close()
        self.forget()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class _ChildsClient(Client):
    def __init__(self, child: Child, url: str) -> None:
        super().__init__(url)
        self._child = child

    def _awaited(self) -> bool:
        return self._child.running()


_children: list[Child] = []
_lock = threading.Lock()
_found: tuple[Client | None, Child | None] | None = None


def _after_fork() -> None:
    # Another thread may have held the lock.
    global _lock
    _lock = threading.Lock()
    for child in _children:
        child.forget()
    _children.clear()


os.register_at_fork(after_in_child=_after_fork)


def find() -> Client | None:
    """Finds the server of this process, and starts one where its own is no more.

    None is that there is none. A fork asks the child of its parent as long as that lives.
    """
    global _found
    with _lock:
        if _found is not None:
            client, child = _found
            if child is None or child.running():
                return client
            child.close()
        url = os.environ.get("APPRENTICE_REWARD_URL", "")
        program = os.environ.get("APPRENTICE") or shutil.which("apprentice")
        if url:
            _found = (Client(url), None)
        elif program:
            child = Child(program)
            _found = (child.client, child)
        else:
            warnings.warn(
                "there is no reward server: Python's difflib scores in its place, which takes very long. "
                "Put the program `apprentice` on the PATH, or name a server in APPRENTICE_REWARD_URL.",
                RuntimeWarning,
                stacklevel=3,
            )
            _found = (None, None)
        return _found[0]


def score(groups: Sequence[Group], epsilon: float | None = None) -> list[Scored]:
    """Scores the outputs of groups, in their order, wherever that can be done (see the package)."""
    server = find()
    if server is None:
        return [_plainly(g, epsilon) for g in groups]
    try:
        return server.score(groups, epsilon)
    except RewardError:
        again = find()
        if again is server or again is None:
            raise
    return again.score(groups, epsilon)  # the child had died, and this is another one


def _plainly(group: Group, epsilon: float | None) -> Scored:
    try:
        return scored([_plain.score(group.label, output) for output in group.outputs], epsilon)
    except _plain.LabelError as e:
        raise RewardError(str(e)) from e
