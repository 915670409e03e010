"""Measures Python's implementations of difflib on pairs of texts.

Reads one JSON object a line from standard input, a pair and the name of an
implementation, and answers with the seconds that one comparison takes: the least
of some, or null where the implementation does not do it.
"""

import difflib
import json
import sys
import time
from collections.abc import Callable

import cydifflib
import difflib_fast

Ratio = Callable[[str, str, bool], float]


def cpython(a: str, b: str, autojunk: bool) -> float:
    return difflib.SequenceMatcher(None, a, b, autojunk).ratio()


def cython(a: str, b: str, autojunk: bool) -> float:
    return float(cydifflib.SequenceMatcher(None, a, b, autojunk).ratio())


def rust(a: str, b: str, autojunk: bool) -> float:
    return float(difflib_fast.ratio(a, b))


def least(ratio: Ratio, a: str, b: str, autojunk: bool) -> float:
    """The least time of one call, of batches that take 0.2 ms, in 5 ms."""
    batch, spent, best = 1, 0.0, float("inf")
    while spent < 0.005:
        start = time.process_time()
        for _ in range(batch):
            ratio(a, b, autojunk)
        took = time.process_time() - start
        spent, best = spent + took, min(best, took / batch)
        batch = max(1, int(0.0002 / best))
    return best


def main() -> None:
    peers: dict[str, Ratio] = {"CPython": cpython, "cydifflib": cython, "difflib-fast": rust}
    for line in sys.stdin:
        asked = json.loads(line)
        ratio = peers[asked["peer"]]
        if ratio is rust and asked["autojunk"]:
            print("null", flush=True)
            continue
        print(json.dumps(least(ratio, asked["a"], asked["b"], asked["autojunk"])), flush=True)


main()
