"""Runs checks and says what became of each: a function from a provider to outcomes, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from .broken import Broken, NotChecked
from .cases import Cases
from .checks import ALL, BASE, MANIFEST
from .checks.base import RULES, conversation
from .checks.check import Check
from .manifest import Kind, Manifest
from .world import Options, Subject


@dataclass(frozen=True)
class Outcome:
    """`state` is passed, failed or skipped; `kind` is empty for checks of sessions; `left_out` says what a passed
    check could not look at.
    """

    check: str
    kind: str
    state: str
    text: str = ""
    shown: str = ""
    left_out: str = ""
    seconds: float = 0.0


Tell = Callable[[Outcome], None]


@dataclass(frozen=True)
class Plan:
    """What to check. `chosen`: names of the checks that are asked for; those that they need come along, untold."""

    manifest: Manifest
    cases: Cases
    argv: Sequence[str]
    options: Options
    chosen: frozenset[str] = frozenset(check.name for check in ALL)


def run(plan: Plan, tell: Tell | None = None) -> list[Outcome]:
    """All outcomes; each is told as soon as it is there."""
    found: list[Outcome] = []
    for outcome in outcomes(plan):
        if outcome.check in plan.chosen:
            found.append(outcome)
            if tell is not None:
                tell(outcome)
    return found


def outcomes(plan: Plan) -> Iterator[Outcome]:
    """Of the chosen checks and of what they need."""
    manifest = timed(plan, MANIFEST, None)
    yield manifest
    if manifest.state == "failed" or not plan.manifest.form.get("kinds"):
        yield from (skipped(c, "", "the manifest is not valid") for c in ALL if c is not MANIFEST)
        return
    broken = yield from base(plan)
    if broken:
        yield from (skipped(c, "", broken) for c in ALL if c is not MANIFEST and c not in BASE)
        return
    failed: set[tuple[str, str]] = set()
    for check in ALL:
        if check is MANIFEST or check in BASE or check.name not in plan.chosen:
            continue
        for kind in plan.manifest.kinds.values() if check.each_kind else [None]:
            name = kind.name if kind else ""
            missing = [need for need in check.needs if {(need, name), (need, "")} & failed and need in plan.chosen]
            outcome = (
                skipped(check, name, f"not judged, since {missing[0]} failed") if missing else timed(plan, check, kind)
            )
            if missing or outcome.state == "failed":
                failed.add((check.name, name))  # what was not judged for a failure's sake says no more than it does
            yield outcome


def base(plan: Plan) -> Generator[Outcome, None, str]:
    """The rules of the one conversation. Returns why nothing else can be judged, or nothing."""
    begun = time.monotonic()
    try:
        broken = conversation(subject(plan, None))
    except NotChecked as reason:
        yield from (skipped(c, "", str(reason)) for c in BASE)
        return str(reason)
    seconds = time.monotonic() - begun
    rules = list(RULES)
    at = len(rules) if broken is None else rules.index(broken.rule if broken.rule in RULES else "answers")
    for number, check in enumerate(BASE):
        if number < at:
            yield Outcome(check.name, "", "passed", seconds=seconds / len(rules))
        elif number == at and broken is not None:
            yield Outcome(check.name, "", "failed", broken.text, broken.shown, seconds=seconds)
        else:
            yield skipped(check, "", f"not judged, since {rules[at]} failed")
    return "" if broken is None else f"not judged, since {rules[at]} failed"


def timed(plan: Plan, check: Check, kind: Kind | None) -> Outcome:
    """The outcome of one check."""
    name = kind.name if kind else ""
    reason = plan.cases.why_skipped(check.name, kind.name if kind else None)
    if reason is not None:
        return skipped(check, name, f"left out by the case: {reason}")
    begun = time.monotonic()
    try:
        left_out = check.run(subject(plan, kind))
    except Broken as broken:
        return Outcome(check.name, name, "failed", broken.text, broken.shown, seconds=time.monotonic() - begun)
    except NotChecked as why:
        return skipped(check, name, str(why))
    return Outcome(check.name, name, "passed", left_out=left_out or "", seconds=time.monotonic() - begun)


def subject(plan: Plan, kind: Kind | None) -> Subject:
    """What a check is about; a check of sessions uses the first kind, one with a case if there is any."""
    if kind is None and plan.manifest.form.get("kinds"):
        kinds = plan.manifest.kinds.values() if isinstance(plan.manifest.form["kinds"], dict) else []
        kind = next((k for k in kinds if plan.cases.of(k.name).create), next(iter(kinds), None))
    return Subject(plan.manifest, plan.cases, plan.argv, kind or Kind("", {}), plan.options)


def skipped(check: Check, kind: str, reason: str) -> Outcome:
    """Why it was not judged."""
    return Outcome(check.name, kind, "skipped", reason)
