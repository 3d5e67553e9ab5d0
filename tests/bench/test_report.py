"""Documents say what was measured, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.durability import Syncs
from bench.measure import Sample
from bench.report import BEGIN, END, placed, report
from bench.results import Results, load
from bench.startup import FLOOR, PARTS, VALIDATE
from bench.targets import LARGE, targets

DOCS = Path(__file__).parents[2] / "docs"
MIB = 2**20


def measured(*, plan: float = 2.0, journal: int = 105, validate: float = 0.11) -> Results:
    """A run of which every target holds, but for what a test asks."""
    found = Results({"CPU": "one"}, "2026-01-01T00:00:00+00:00", 480)
    for operation in ("plan", "no-op plan"):
        for cpu in (plan, plan + 0.1):
            found.add(("tree", LARGE, operation, "aivp"), Sample(cpu, cpu, 200 * MIB, 100 * MIB))
            found.add(("tree", LARGE, operation, "terraform"), Sample(18.0, 17.0, 600 * MIB, 600 * MIB))
    starts = {FLOOR: 0.02, PARTS: 0.05, "aivp --version": 0.03, "aivp --help": 0.05, VALIDATE: validate}
    for command, wall in starts.items():
        found.add(("startup", 0, command, ""), Sample(wall, wall, MIB, MIB))
    for size in (100, 1000, 2000, LARGE):
        for operation in ("plan", "apply", "no-op plan"):
            if size < LARGE or operation == "apply":
                found.add(("tree", size, operation, "aivp"), Sample(size * plan / LARGE, 1.0, MIB, MIB))
    found.syncs = [Syncs("one", 1, 1, 7, 5, 0, 8), Syncs("chain", 50, 50, journal, 54, 0, 8)]
    found.requests = {"hello": 1, "observe": 1}
    batch = {"caller": 0.2, "provider": 0.3, "floor": 0.2, "grown": 30.0, "objects": 20.0}
    found.protocol = {"batch": batch, "hang": {"grown": 2.0 * 2**20, "seconds": 3.0}}
    found.pages = {"page": 1.0, "bytes": 5e6, "open": 0.9, "filter": 0.2, "svg": 0.01, "svg whole": 0.1}
    found.leases = {f"{mode} {name}": 0.0 for mode in ("user", "nat") for name in ("attach", "detach", "twice", "left")}
    found.done = ["startup", "durability"]
    return found


def said(results: Results) -> dict[str, bool | None]:
    return {item.promise.partition(":")[0]: item.is_met for item in targets(results)}


def test_all_targets_of_a_good_run_are_met() -> None:
    assert set(said(measured()).values()) == {True}


def test_a_missed_target_is_said() -> None:
    assert said(measured(plan=3.2))["plan of 10,000"] is not None
    assert [item.promise for item in targets(measured(plan=3.2)) if item.is_met is False] == [
        "plan of 10,000: terraform's CPU seconds over aivp's",
        "no-op plan of 10,000: terraform's CPU seconds over aivp's",
    ]
    (missed,) = [item for item in targets(measured(journal=106)) if item.is_met is False]
    assert missed.measured == "2.02 in the worst of 2 plans"


def test_validate_may_take_four_floors_and_its_parts() -> None:
    (missed,) = [item for item in targets(measured(validate=0.111)) if item.is_met is False]
    assert (missed.bound, missed.measured) == ("at most 110 (4 floors and its parts)", "111")


def test_what_was_not_measured_is_neither() -> None:
    nothing = Results({}, "", 480)
    assert {item.is_met for item in targets(nothing)} == {None}
    assert "**no**" not in report(nothing)


def test_an_apply_that_was_stopped_is_no_figure() -> None:
    results = measured()
    results.add(("tree", LARGE, "apply", "terraform"), Sample(900.0, 480.3, MIB, MIB, is_stopped=True))
    (row,) = [line for line in report(results).splitlines() if line.startswith("| 10,000 | apply |")]
    assert [cell.strip() for cell in row.split("|")][4:6] == ["> 900", "–"]
    assert "stopped after 480 s" in report(results)


def test_results_come_back(tmp_path: Path) -> None:
    results = measured()
    results.save(tmp_path / "run.json")
    assert report(load(tmp_path / "run.json")) == report(results)


def test_a_report_takes_the_place_of_the_last_one() -> None:
    document = f"# Title\n\n{BEGIN}\nold\n{END}\nend\n"
    once = placed(document, "new")
    assert "old" not in once
    assert placed(once, "new") == once
    with pytest.raises(ValueError, match="markers"):
        placed("# Title\n", "new")


def test_the_documents_are_those_of_the_recorded_run() -> None:
    document = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    assert placed(document, report(load(DOCS / "benchmarks.json"))) == document


def test_a_provider_that_costs_its_caller_too_much_is_a_miss() -> None:
    results = measured()
    results.protocol = {**results.protocol, "greedy": {"grown": 65.0 * 2**20, "seconds": 1.0}}
    (missed,) = [item for item in targets(results) if item.is_met is False]
    assert missed.measured == "65 MiB (greedy)"
