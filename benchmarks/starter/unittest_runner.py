"""Runs the tests under tests/, one status line each; exits with 1 if one failed.

`python3 -m unittest -v` words its report differently from one Python version to the
next, and what tests print runs into it: no parser of it gives the same ids everywhere.
This prints what pytest would: `FAILED tests/test_pages.py::PageTest::test_last_page`.
"""

from __future__ import annotations

import os
import sys

# Not the folder of this file: what else lies there must not shadow any module.
sys.path[:] = [p for p in sys.path if p != os.path.dirname(os.path.realpath(__file__))]

import re
import unittest
from contextlib import suppress
from typing import Any


def _cases(test: Any) -> list[Any]:
    if isinstance(test, unittest.TestSuite):
        return [case for part in test for case in _cases(part)]
    return [test]


def _id(test: Any) -> str:
    cls, method = type(test), str(getattr(test, "_testMethodName", None))
    if cls.__module__ == "unittest.loader":  # stands for a module: it did not import
        path = method.replace(".", "/")
        return path + ("/__init__.py" if os.path.isdir(path) else ".py")
    parts = [cls.__module__.replace(".", "/") + ".py", *cls.__qualname__.split(".")]
    return "::".join([*parts, "_".join(method.split())])


class _Result(unittest.TestResult):
    def __init__(self, suite: unittest.TestSuite) -> None:
        super().__init__()
        self.cases = _cases(suite)  # now: a suite forgets the tests that it ran
        self.exit_code = 0 if self.cases else 1
        # Our own: tests may replace or close sys.stdout.
        self.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")

    def write(self, text: str) -> None:
        for stream in (sys.__stdout__, sys.stdout, sys.__stderr__, sys.stderr):
            with suppress(Exception):
                stream.flush()  # type: ignore[union-attr]
        print("\n" + text, file=self.stdout, flush=True)  # ends unfinished lines, too

    def stopTest(self, test: unittest.TestCase | None) -> None:
        """Reports test, and the class and module fixtures that went wrong before."""
        self.failures += [(t, "Unexpected success") for t in self.unexpectedSuccesses]
        self.unexpectedSuccesses.clear()
        kinds: Any = {"XFAIL": self.expectedFailures, "SKIPPED": self.skipped}
        kinds.update(ERROR=self.errors, FAILED=self.failures)
        status = "PASSED"
        for kind, entries in kinds.items():  # the worst comes last and decides
            for case, text in entries:
                if kind in ("ERROR", "FAILED"):
                    self.exit_code = 1
                    self.write("\n".join("    " + line for line in text.splitlines()))
                if isinstance(case, unittest.TestCase):  # test itself, or a subtest
                    status = kind if kind != "ERROR" or case is test else "FAILED"
                elif found := re.match(r"\w+(?:Class|Module) \((.+)\)$", case.id()):
                    for t in self.cases:
                        if t.id().startswith(found[1] + "."):
                            self.write(f"{kind} {_id(t)}")
            entries.clear()
        if test is not None:
            self.write(f"{status} {_id(test)}")


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    suite = unittest.defaultTestLoader.discover("tests", top_level_dir=os.getcwd())
    result = _Result(suite)
    suite.run(result)
    result.stopTest(None)  # the fixtures that went wrong after the last test
    sys.exit(result.exit_code)
