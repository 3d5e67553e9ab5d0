"""The matrix at a shell. Exit code 0 if everything holds, 1 with what does not, or with what is missing to run it.

python -m tests.matrix                          all of it: three releases, two ways
python -m tests.matrix --docs                   and write docs/reference/matrix.md
python -m tests.matrix --suite trixie --way ssh --case 'f-content-*'
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tests import lab
from tests.lab.places import places
from tests.matrix.case import Case
from tests.matrix.measure import CASES, Measured, disparities, measure, missing
from tests.matrix.place import WAYS, Way
from tests.matrix.report import page

DOCS = Path(__file__).resolve().parents[2] / "docs/reference/matrix.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code."""
    chosen = _parser().parse_args(argv)
    suites, ways = chosen.suite or lab.SUITES, chosen.way or WAYS
    cases = [case for case in CASES if fnmatchcase(case.name, chosen.case)]
    reason = missing(suites) or ("" if cases else f"no case is called {chosen.case}")
    if reason:
        print(f"The matrix cannot be measured: {reason}.", file=sys.stderr)
        return 1
    results, unlike = _measure_all(suites, ways, cases)
    wrong = [f"{result.suite}, {result.way}: {text}" for result in results for text in result.told] + unlike
    for text in wrong:
        print(text)
    print(f"{len(cases)} cases on {len(results)} hosts: {len(wrong)} findings.")
    if chosen.docs:
        DOCS.write_text(page(results, cases, unlike), encoding="utf-8")
    return 1 if wrong else 0


def _measure_all(suites: Sequence[str], ways: Sequence[Way], cases: Sequence[Case]) -> tuple[list[Measured], list[str]]:
    results: list[Measured] = []
    unlike: list[str] = []
    with tempfile.TemporaryDirectory(prefix="aivp-matrix-") as scratch:
        for suite in suites:
            found = measure(suite, ways, Path(scratch).resolve(), places(os.environ), cases)
            results += found
            unlike += [f"{suite}: {text}" for text in (disparities(*found) if len(found) == len(WAYS) else [])]
    return results, unlike


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="Idempotency and parity, measured.")
    parser.add_argument("--docs", action="store_true", help="write docs/reference/matrix.md; measures everything")
    parser.add_argument("--suite", action="append", choices=lab.SUITES)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--case", default="*", help="a pattern of names")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
