"""plan, show, drift: from the world to a plan that people read and apply takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.output import read_bytes, write_bytes
from aivp.cli.settings import Settings, project_options
from aivp.cli.show import show_plan
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
    plan = engine.plan(evidence(engine, observed), Options(targets, excluded))
    keep(engine, plan, output)
    show_plan(plan, settings, output)
    if detailed_exitcode and not plan.is_empty:
        raise click.exceptions.Exit(2)


@click.command()
@click.argument("file")
@project_options
def show_command(settings: Settings, file: str) -> None:
    """Show a plan file as `plan` did. Needs no project and no host."""
    from aivp.plan.steps import read_plan

    body = read_bytes(file)
    try:
        plan = read_plan(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise refusal("AIVP0505", f"{file} is no plan of this version.", exit_code=4) from None
    show_plan(plan, settings, None)


@click.command()
@click.option("--ignore", metavar="ADDR", multiple=True, help="Do not look at this.")
@project_options
def drift_command(settings: Settings, ignore: tuple[str, ...]) -> None:
    """Show what changed behind our back since the last apply; exit 2 where anything did. Changes nothing."""
    from dataclasses import replace

    from aivp.plan.options import Options

    engine = settings.engine()
    plan = engine.plan(evidence(engine, None), Options(excluded=ignore))
    drifted = [step for step in plan.steps if step.cause == "drift" or step.reason.startswith("gone since")]
    show_plan(replace(plan, steps=drifted), settings, None, is_whole=False)
    if drifted:
        raise click.exceptions.Exit(2)


def evidence(engine: Engine, observed: str | None) -> Evidence:
    """From the hosts, or from a file that `observe -o` wrote."""
    if observed is None:
        engine.ir  # noqa: B018  (mistakes of the declaration come before any host is asked)
        with engine.sessions() as sessions:
            return engine.observe(sessions)
    from aivp.model.evidence import read_evidence

    body = read_bytes(observed)
    try:
        return read_evidence(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise refusal(
            "AIVP0410", f"{observed} is no evidence of this version.", "Record it with: aivp observe -o FILE"
        ) from None


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
