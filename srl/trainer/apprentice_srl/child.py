"""A reward server that lives as long as this process."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile


class StartError(RuntimeError):
    """The server did not start."""


def program() -> str | None:
    """The path of the program, if there is one."""
    return os.environ.get("APPRENTICE_PROGRAM") or shutil.which("apprentice")


class Child:
    """A server on a socket that only this user can reach. It ends when this process does, however that is:
    it reads from a pipe whose other end goes with the process. Raises StartError."""

    def __init__(self, path: str) -> None:
        self.socket = os.path.join(tempfile.gettempdir(), f"apprentice-{secrets.token_hex(8)}.sock")
        reads, self._pipe = os.pipe()
        # A server for this machine's own socket wants no token.
        environment = {k: v for k, v in os.environ.items() if k != "APPRENTICE_SERVE_TOKEN"}
        try:
            self._process = subprocess.Popen(
                [path, "srl", "serve", "--unix", self.socket, "--until-stdin-closes"],
                stdin=reads,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # an interrupt from the terminal is the trainer's, which may go on asking
            )
        except OSError as e:
            os.close(self._pipe)
            raise StartError(f"{path} cannot be started: {e}") from e
        finally:
            os.close(reads)
        assert self._process.stdout is not None
        with self._process.stdout as out:
            line = out.readline()  # it is written when the server listens; there is none if it has ended
        if not line.startswith(b"listening on "):
            self.stop()
            raise StartError(f"{path} srl serve did not start: exit code {self._process.returncode}")
        atexit.register(self.stop)

    def running(self) -> bool:
        """Whether the server has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the server."""
        if self._pipe < 0:
            return
        with contextlib.suppress(OSError):
            os.close(self._pipe)
        self._pipe = -1
        atexit.unregister(self.stop)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)  # which is there if the server was killed

    def forget(self) -> None:
        """Leaves the server to the process that this one was forked from."""
        atexit.unregister(self.stop)
        with contextlib.suppress(OSError):
            os.close(self._pipe)  # or the server would outlive that process
        self._pipe = -1
        self._process.returncode = 0  # it is not this process's to wait for
