"""Each bad provider is found out by exactly the checks that are meant for it; a good one passes all; no check is
idle.
"""

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from aivp_conformance import cases, manifest
from aivp_conformance.checks import ALL
from aivp_conformance.run import Plan, run
from aivp_conformance.world import Options

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/protocol/example"
ZOO = Path(__file__).parent / "zoo"
TICKETS = ZOO / "tickets"
NAMES = frozenset(check.name for check in ALL)

# A loaded machine must not make a provider bad that is only slow; those that hang cost this much each.
OPTIONS = Options(patience=4.0, ending=5.0, examples=20, moments=4, many=4000)

FOUND_OUT_BY = {
    "wrong-kinds": "handshake",
    "garbage": "stdout",
    "endless-line": "stdout",
    "hang": "answers",
    "double-reply": "answers",
    "wrong-id": "answers",
    "buggy": "answers",
    "early-exit": "answers",
    "progress-flood": "answers",
    "formless": "messages",
    "chatty": "notifications",
    "wrong-item-id": "items",
    "items-missing": "items",
    "reordered": "items",
    "undeclared-field": "fields",
    "major-2": "versions",
    "eager": "before-initialize",
    "unknown-method": "unknown-methods",
    "strict-members": "unknown-members",
    "trusting": "parameters",
    "deaf-to-garbage": "broken-lines",
    "immortal": "stdin-closed",
    "uncancelable": "cancel",
    "toucher": "read-only",
    "moody": "deterministic",
    "forgets-after-1000": "many",
    "liar": "create",
    "half-update": "update",
    "promise-broken": "computed",
    "unknown-stays": "computed",
    "known-changes": "computed",
    "overwriter": "unasked",
    "appender": "again",
    "refuses-keys": "once",
    "stubborn-delete": "delete",
    "color-blind": "immutable",
    "no-refresh": "refresh",
    "hider": "partial",
    "finisher": "item-in-hand",
    "locked-out": "deadline",
    "leaver": "killed",
    "ascii": "text",
    "short-of-breath": "large",
    "three-tags": "values",
    "leak-on-stderr": "secrets",
    "leak-in-error": "secrets",
    "leak-in-observed": "secrets",
    "leak-in-argv": "secrets",
    "leak-in-file": "secrets",
    "yes-man": "verdicts",
    "taint-blind": "tainted",
    "unsorted": "list",
    "lists-computed": "list",
    "lists-none": "list",
    "no-upgrade": "upgrade",
    "manifest": "manifest",
}


# What a good one has not: all else must have been looked at.
SKIPPED = {
    EXAMPLE: {"immutable", "refresh", "upgrade"},
    ZOO: set(),
    TICKETS: {"immutable", "refresh", "upgrade", "partial"},
}


def plan(animal: str, chosen: frozenset[str] = NAMES) -> Plan:
    found = manifest.read(ZOO)
    argv = [sys.executable, str(ZOO / "keeper.py"), animal]
    if animal == "manifest":
        found = dataclasses.replace(found, form={**found.form, "promises": ["everything"]})
        argv = argv[:2]
    return Plan(found, cases.read(ZOO / "conformance.json"), argv, OPTIONS, chosen)


def failed(plan: Plan) -> dict[str, str]:
    return {outcome.check: f"{outcome.text} {outcome.shown}" for outcome in run(plan) if outcome.state == "failed"}


def close_to(name: str) -> frozenset[str]:
    """The check and those that it needs, with those of sessions, which cost little."""
    found = {name} | {
        check.name for check in ALL if not check.each_kind and check.name not in ("cancel", "broken-lines")
    }
    for check in reversed(ALL):
        if check.name in found:
            found |= set(check.needs)
    return frozenset(found)


def test_every_check_has_an_animal() -> None:
    assert set(FOUND_OUT_BY.values()) == NAMES


@pytest.mark.parametrize("animal", FOUND_OUT_BY)
def test_is_found_out(animal: str) -> None:
    meant = FOUND_OUT_BY[animal]
    found = failed(plan(animal, close_to(meant)))
    assert set(found) == {meant}, json.dumps(found, indent=1)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_check_is_idle(name: str) -> None:
    """Without it an animal passes: nothing else near it would find that one out."""
    animal = next(animal for animal, meant in FOUND_OUT_BY.items() if meant == name)
    assert failed(plan(animal, close_to(name) - {name})) == {}


@pytest.mark.slow
@pytest.mark.parametrize("animal", FOUND_OUT_BY)
def test_is_found_out_by_nothing_else(animal: str) -> None:
    found = failed(plan(animal))
    assert set(found) == {FOUND_OUT_BY[animal]}, json.dumps(found, indent=1)


@pytest.mark.parametrize("folder", [EXAMPLE, ZOO, TICKETS], ids=["example", "whole", "tickets"])
def test_good_ones_pass(folder: Path) -> None:
    found = manifest.read(folder)
    argv = [sys.executable, *(found.argv() or [])[1:]]
    outcomes = run(
        Plan(found, cases.read(folder / "conformance.json"), argv, dataclasses.replace(OPTIONS, patience=30))
    )
    assert [outcome for outcome in outcomes if outcome.state == "failed"] == []
    skipped = {outcome.check for outcome in outcomes if outcome.state == "skipped"}
    assert skipped == SKIPPED[folder]


def test_what_is_made_twice_is_found_out() -> None:
    """Where the provider assigns the identity, the key alone tells one request from the same once more."""
    argv = [sys.executable, str(TICKETS / "provider.py"), "forgetful"]
    known = cases.read(TICKETS / "conformance.json")
    assert set(failed(Plan(manifest.read(TICKETS), known, argv, OPTIONS, NAMES))) == {"once"}
