"""A release and the ways to it → what was found wrong, case by case. Plans, applies, plans and applies again, and looks
at the host from outside before and after each.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests import lab
from tests.lab.places import Places
from tests.matrix import accounts, calls, commands, files, outside, packages, services
from tests.matrix.case import FOLDER, Case
from tests.matrix.place import Place, Said, Way, places

CASES: tuple[Case, ...] = (
    *files.CASES,
    *packages.CASES,
    *services.CASES,
    *accounts.CASES,
    *commands.CASES,
)

# Units of the host's own life, and the scope that holds a shim.
_RESTLESS = (
    "unit:aivp-shim-*",
    "unit-file:aivp-shim-*",
    "unit:run-*",
    "unit:session-*",
    "unit:user*",
    "unit:systemd-*",
)
_GENERAL = ""
# What holds where a declaration does not say it.
_DEFAULTS = {"file": {"state": "file"}, **{kind: {"state": "present"} for kind in ("group", "package", "user")}}


@dataclass
class Measured:
    """`findings`: case's name, or nothing, → sentences; `steps`: what was planned or refused, to compare two ways."""

    suite: str
    way: Way
    findings: dict[str, list[str]] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    own_calls: set[str] = field(default_factory=set)

    def find(self, name: str, *sentences: str) -> None:
        if sentences:
            self.findings.setdefault(name, []).extend(sentences)

    @property
    def told(self) -> list[str]:
        return [f"{name or 'all'}: {text}" for name, texts in sorted(self.findings.items()) for text in texts]


def missing(suites: Iterable[str]) -> str | None:
    """Why this cannot be measured here; None if it can."""
    reasons = (*(lab.network_available(suite) for suite in suites), calls.missing())
    return next((reason for reason in reasons if reason is not None), None)


def measure(
    suite: str, ways: Sequence[Way], scratch: Path, lab_places: Places, cases: Sequence[Case] = CASES
) -> tuple[Measured, ...]:
    """The cases on a fresh host of the suite for each way; the ways side by side. scratch: an empty folder."""
    repository = packages.packages(lab_places)
    with ThreadPoolExecutor(len(ways)) as pool, places(suite, ways, scratch) as found:
        results = [pool.submit(_measure, place, suite, repository, cases) for place in found]
        return tuple(result.result() for result in results)


def disparities(one: Measured, other: Measured) -> list[str]:
    """Where two ways to the same release planned or refused differently."""
    differing = [
        key for key in sorted(one.steps.keys() | other.steps.keys()) if one.steps.get(key) != other.steps.get(key)
    ]
    return [f"{key}: {one.way} {one.steps.get(key)}, {other.way} {other.steps.get(key)}" for key in differing]


def _measure(place: Place, suite: str, repository: Path, cases: Sequence[Case]) -> Measured:
    result = Measured(suite, place.way)
    _settle(place, repository, cases)
    together = [case for case in cases if not case.alone]
    for outcome, run in (("done", _done), ("refused", _refused), ("failed", _failed)):
        chosen = [case for case in together if case.outcome == outcome]
        if chosen:
            run(place, result, f"m-{outcome}", chosen)
    for case in cases:
        if case.alone:
            place.prepare(case.script)
            (_done if case.outcome == "done" else _failed)(place, result, case.name, [case])
            place.aivp(place.scratch / case.name, "destroy -y")
    return result


def _settle(place: Place, repository: Path, cases: Sequence[Case]) -> None:
    """The worlds of all cases that can be there at once."""
    shutil.copytree(repository, place.host.host.root / packages.REPOSITORY.lstrip("/"))
    source = f"deb [trusted=yes] file:{packages.REPOSITORY} ./"
    index = f"mkdir {FOLDER}; echo '{source}' > /etc/apt/sources.list.d/matrix.list; apt-get update"
    scripts = [case.script for case in cases if not case.alone]
    # What has just been prepared may still be moving: a service manager that was not told, a unit that was killed.
    place.prepare(index, *scripts, "systemctl daemon-reload")


def _done(place: Place, result: Measured, project: str, cases: Sequence[Case]) -> None:
    folder = place.declare(project, cases)
    before = place.snapshot()
    plan = place.aivp(folder, "plan -o plan.json")
    steps = plan.of("step")
    result.steps |= steps
    result.find(_GENERAL, *_ended(plan, 0, "the plan"))
    result.find(_GENERAL, *_changed(before, place.snapshot(), "planning", times=True))
    result.find(_GENERAL, *_ended(place.aivp(folder, "apply plan.json"), 0, "the apply"))
    after = place.snapshot()
    _only(result, before, after, cases)
    for case in cases:
        config = steps.get(case.address, {}).get(
            "config", {**_DEFAULTS.get(case.kind, {}), "name": case.name, **case.declared}
        )
        result.find(case.name, *outside.differences(after, case.kind, config))
        if case.address in steps:
            result.find(case.name, *outside.unforeseen(before, after, case.kind, steps[case.address]))
    _again(place, result, folder, after, cases)


def _again(place: Place, result: Measured, folder: Path, after: lab.Snapshot, cases: Sequence[Case]) -> None:
    """A second plan is empty, and a second apply changes nothing and asks the kernel for no change."""
    second = place.aivp(folder, "plan")
    for case in cases:
        if case.address in second.of("step"):
            result.find(case.name, f"the second plan is not empty: {second.of('step')[case.address]}")
    trace = folder / "trace"
    result.find(_GENERAL, *_ended(place.aivp(folder, "apply -y", trace), 0, "the second apply"))
    own, others = calls.changing(trace)
    result.own_calls |= own
    result.find(_GENERAL, *(f"the second apply called {call}" for call in sorted(others)))
    result.find(_GENERAL, *_changed(after, place.snapshot(), "the second apply", times=True))


def _refused(place: Place, result: Measured, project: str, cases: Sequence[Case]) -> None:
    folder = place.declare(project, cases)
    before = place.snapshot()
    for command in ("plan", "apply -y"):
        said = place.aivp(folder, command)
        told = said.of("diagnostic")
        result.find(_GENERAL, *_ended(said, 1, f"the refused {command}"))
        for case in cases:
            why = str(told.get(case.address, {}).get("why"))
            result.steps[case.address] = why
            if case.address not in told or case.why not in why:
                result.find(case.name, f"it is not refused for {case.why!r}: {why}")
    result.find(_GENERAL, *_changed(before, place.snapshot(), "what was refused", times=True))


def _failed(place: Place, result: Measured, project: str, cases: Sequence[Case]) -> None:
    folder = place.declare(project, cases)
    before = place.snapshot()
    for _ in range(2):
        said = place.aivp(folder, "apply -y")
        ended = said.of("step-ended")
        result.find(_GENERAL, *_ended(said, 5, "the failing apply"))
        for case in cases:
            error = (ended.get(case.address) or {}).get("error") or {}
            result.steps[case.address] = error
            if not error or case.why not in str(error):
                result.find(case.name, f"it does not fail with {case.why!r}: {ended.get(case.address)}")
    _only(result, before, place.snapshot(), cases)


def _only(result: Measured, before: lab.Snapshot, after: lab.Snapshot, cases: Iterable[Case]) -> None:
    """Whatever changed is what some case may change."""
    allowed = [pattern for case in cases for pattern in case.may_change()]
    for line in lab.difference(before, after, _RESTLESS, times=False):
        if not any(fnmatchcase(_key(line), pattern) for pattern in allowed):
            result.find(_GENERAL, f"nothing that was planned explains: {line}")


def _key(line: str) -> str:
    """The key of a line of `lab.difference`, which may hold a colon itself."""
    rest = line.split(" ", 1)[1]
    kind, _, name = rest.partition(":")
    return f"{kind}:{name.partition(': ')[0]}" if not kind.startswith("/") else rest.partition(": ")[0]


def _changed(before: lab.Snapshot, after: lab.Snapshot, what: str, times: bool) -> list[str]:
    return [f"{what} changed the host: {line}" for line in lab.difference(before, after, _RESTLESS, times=times)]


def _ended(said: Said, code: int, what: str) -> list[str]:
    if said.code == code:
        return []
    told = [line for line in said.lines if line["type"] in ("diagnostic", "step-ended") and line.get("error", 1)]
    return [f"{what} ended with {said.code}, not {code}: {told} {said.errors[-2000:]}"]
