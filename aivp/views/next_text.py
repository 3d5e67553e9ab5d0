"""A situation → one or two lines that say what to do next, with commands that can be copied as they stand.

Commands take the options of the one that was called, so that they mean the same project, environment and variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aivp.plan.steps import Plan
from aivp.views import escape


@dataclass(frozen=True, slots=True)
class Commands:
    """options: those that name project, environment and variables."""

    options: Sequence[str] = ()

    def __call__(self, command: str, *more: str) -> str:
        """`aivp COMMAND OPTIONS MORE`, quoted for a shell, on one line."""
        import shlex

        return escape.line(f"aivp {command} {shlex.join([*self.options, *more])}".rstrip(), 2000)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has to end before any other begins; is_one_off: of `aivp exec`, which nobody can go on with."""

    run: str
    is_one_off: bool


HERE = Commands()
"""Without any option."""


def after_plan(
    plan: Plan,
    commands: Commands,
    *,
    files: Sequence[str] = (),
    selection: Sequence[str] = (),
    observed: str | None = None,
    unfinished: Unfinished | None = None,
) -> list[str]:
    """files: where the plan was written; selection: --target and --exclude as given; observed: the file of evidence.

    unfinished: the run that has to end before this plan can be applied.
    """
    if unfinished is not None:
        way = ("runs", "abandon") if unfinished.is_one_off else ("apply", "--resume")
        first = f"The run {escape.line(unfinished.run)} is not finished, and comes first: {commands(*way)}"
        return [f"Written to {escape.line(file, 2000)}." for file in files] + [first]
    if files:
        return [_written(file, plan, commands) for file in files]
    if plan.is_empty or not plan.is_applicable:
        return []
    source = [] if observed is None else ["--observed", observed]
    keep = commands("plan", *source, *selection, "-o", "plan.json")
    if source:
        return [f"Nothing is changed, and no host was asked. To apply this, write it down: {keep}"]
    return [f"Nothing is changed yet. Do it: {commands('apply', *selection)}", f"Or keep it for review: {keep}"]


def _written(file: str, plan: Plan, commands: Commands) -> str:
    text = f"Written to {escape.line(file, 2000)}."
    return text if plan.is_empty or not plan.is_applicable else f"{text} Apply exactly this: {commands('apply', file)}"


def after_drift(plan: Plan, commands: Commands) -> list[str]:
    """plan: of what drifted alone."""
    if not plan.steps:
        return []
    return [
        f"Put it back as declared: {commands('apply')}",
        "Or declare it as it is now; then nothing has drifted any more.",
    ]


def after_destroy(status: str, commands: Commands) -> list[str]:
    """status: of the run that destroyed."""
    return [f"What was there before aivp came is as it was left. To make it all again: {commands('apply')}"] * (
        status == "done"
    )


def after_run(status: str, commands: Commands, *, seconds: float = 0.0, is_stale: bool = False) -> list[str]:
    """status: of a run, as in RunEnded; is_stale: some step found the world changed since the plan."""
    found: list[str] = []
    match status:
        case "failed":
            found.append(
                "All that does not depend on them is applied (exit code 5)."
                f" Mend the cause, then: {commands('apply', '--resume')}. Or change the declaration and plan again."
            )
            found.append(f"What failed, once more: {commands('runs show')}")
        case "interrupted":
            found.append(
                f"Go on with: {commands('apply', '--resume')}. Or settle what was begun: {commands('runs abandon')}."
            )
        case "refused":
            found.append("Nothing was changed.")
        case "abandoned":
            found.append("The next plan starts from what this run left.")
        case _:
            if seconds >= LONG:
                found.append(f"Where the time went: {commands('runs show', '--timeline')}")
    if is_stale:
        found.append("What is stale was changed by somebody else since the plan was made: plan again to see it.")
    return found


LONG = 30.0
"""Seconds of a run after which people ask where they went."""
