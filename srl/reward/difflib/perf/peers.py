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


def median(f: Callable[[], object]) -> float:
    """The median time of f, of as many as are made in a tenth of a second."""
    times: list[float] = []
    while not times or (sum(times) < 0.1 and len(times) < 200):
        start = time.process_time()
        f()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    seconds: dict[str, list[float]] = {"CPython": [], "cydifflib": [], "difflib-fast": []}
    for group in json.load(sys.stdin):
        junk = group["autojunk"]
        pairs = [(p["a"], p["b"]) for p in group["pairs"]]
        # The original takes minutes for what is long.
        few = pairs[:1] if group["points"] > 2000 else pairs
        seconds["CPython"].append(
            statistics.median(median(lambda: difflib.SequenceMatcher(None, a, b, junk).ratio()) for a, b in few)
        )
        seconds["cydifflib"].append(
            statistics.median(median(lambda: cydifflib.SequenceMatcher(None, a, b, junk).ratio()) for a, b in pairs)
        )
        seconds["difflib-fast"].append(
            0.0 if junk else statistics.median(median(lambda: difflib_fast.ratio(a, b)) for a, b in pairs)
        )
        print(f"{group['points']} {group['name']} autojunk={junk}", file=sys.stderr)
    json.dump(seconds, sys.stdout)


main()
