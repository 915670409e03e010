"""Measures Python's implementations of difflib on pairs of texts.

Reads a list of sets from standard input, each with pairs, and prints for each
implementation the median time of each set in seconds; 0 where it does not do it.
"""

import difflib
import json
import statistics
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


def median(ratio: Ratio, a: str, b: str, autojunk: bool) -> float:
    """The median time, of as many as are made in a tenth of a second."""
    times: list[float] = []
    while not times or (sum(times) < 0.1 and len(times) < 200):
        start = time.process_time()
        ratio(a, b, autojunk)
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    peers: dict[str, Ratio] = {"CPython": cpython, "cydifflib": cython, "difflib-fast": rust}
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for group in json.load(sys.stdin):
        junk = group["autojunk"]
        pairs = [(p["a"], p["b"]) for p in group["pairs"]]
        for name, ratio in peers.items():
            if ratio is rust and junk:
                seconds[name].append(0.0)
                continue
            # The original takes minutes for what is long.
            some = pairs[:1] if ratio is cpython and group["points"] > 2000 else pairs
            seconds[name].append(statistics.median(median(ratio, a, b, junk) for a, b in some))
        print(f"{group['points']} {group['name']} autojunk={junk}", file=sys.stderr)
    json.dump(seconds, sys.stdout)


main()
