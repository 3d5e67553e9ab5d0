"""plan, show, drift: from the world to a plan that people read and apply takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.output import read_bytes, write_bytes
from aivp.cli.settings import Settings, project_options
from aivp.cli.show import show_plan
from aivp.diagnostics import Diagnostic
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.engine import Engine
    from aivp.model.evidence import Evidence
    from aivp.plan.steps import Plan

selection = (
    click.option("--target", "targets", metavar="ADDR", multiple=True, help="Only this, and what it needs."),
    click.option("--exclude", "excluded", metavar="ADDR", multiple=True, help="Not this, nor what needs it."),
)


@click.command()
@click.option("-o", "output", metavar="FILE", help="Write the plan; its digest is recorded for apply.")
@click.option("--observed", metavar="FILE", help="Plan from recorded evidence instead of the hosts.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there is anything to do.")
@selection[0]
@selection[1]
@project_options
def plan_command(
    settings: Settings,
    output: str | None,
    observed: str | None,
    detailed_exitcode: bool,
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
) -> None:
    """Show what apply would do."""
    from aivp.plan.options import Options

    engine = settings.engine()
    plan = engine.plan(evidence(engine, settings, observed), Options(targets, excluded))
    keep(engine, plan, output)
    show_plan(plan, settings, output)
    if detailed_exitcode:
        _leave(plan, settings)


@click.command()
@click.argument("file")
@project_options
def show_command(settings: Settings, file: str) -> None:
    """Show a plan file as `plan` did. Needs no project and no host."""
    from aivp.plan.steps import UNREADABLE, read_plan

    body = read_bytes(file)
    try:
        plan = read_plan(body)
    except UNREADABLE:
        from aivp.cli.seeming import not_a_plan

        raise not_a_plan(file, body) from None
    show_plan(plan, settings, None)


@click.command()
@click.option("--ignore", metavar="ADDR", multiple=True, help="Do not look at this.")
@project_options
def drift_command(settings: Settings, ignore: tuple[str, ...]) -> None:
    """Show what changed behind our back since the last apply. Changes nothing.

    Exit 2 where anything did, 1 where nothing did but some of it could not be looked at.
    """
    from dataclasses import replace

    from aivp.plan.options import Options

    engine = settings.engine()
    plan = engine.plan(evidence(engine, settings), Options(excluded=ignore))
    drifted = [step for step in plan.steps if step.is_drift]
    found = replace(plan, steps=drifted, rollouts=())
    show_plan(found, settings, None, is_whole=False)
    _leave(found, settings)


def evidence(engine: Engine, settings: Settings, observed: str | None = None) -> Evidence:
    """From the hosts, or from a file that `observe -o` wrote; with a warning for each host that could not be asked."""
    if observed is not None:
        found = recorded(observed)
    else:
        with engine.sessions() as sessions:
            found = engine.observe(sessions)
    warn(found, settings)
    return found


def warn(found: Evidence, settings: Settings) -> None:
    """Say which hosts could not be asked, what could not be looked at, and why."""
    from aivp.observe.unreached import unreached

    if hosts := unreached(found):
        print_diagnostics(hosts, settings)


def _leave(plan: Plan, settings: Settings) -> None:
    """2 where `plan` has steps; 1 where it has none, but nobody knows about what is blocked."""
    if plan.blocked:
        from aivp.plugins.suggestion import listing

        severity: Literal["error", "warning"] = "warning" if plan.steps else "error"
        names = listing(sorted(plan.blocked))
        why = f"{len(plan.blocked)} of the resources could not be looked at, so how they are is unknown: {names}."
        mend = "Let their hosts be reached, or their providers work, or leave them out on purpose."
        print_diagnostics([Diagnostic("AIVP0414", why, mend, severity=severity)], settings)
    if plan.steps or plan.blocked:
        raise click.exceptions.Exit(2 if plan.steps else 1)


def recorded(file: str) -> Evidence:
    """Evidence that `observe -o` wrote. Raises Refused (AIVP0410)."""
    from aivp.cli.seeming import seeming
    from aivp.model.evidence import read_evidence

    body = read_bytes(file)
    try:
        return read_evidence(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        why = f"{file} is no evidence of this version: it seems to be {seeming(body)}."
        raise refusal("AIVP0410", why, "Record it with: aivp observe -o FILE") from None


def keep(engine: Engine, plan: Plan, output: str | None) -> None:
    """Write a plan and remember its digest, so that apply knows it as this state's own."""
    if output is None:
        return
    from aivp_contract import canonical

    body = plan.encode()
    write_bytes(body, output)
    write_bytes(engine.source_map(plan), f"{output}.map")
    state = engine.state()
    try:
        state.record_plan(canonical.digest_bytes(body))
    finally:
        state.close()
