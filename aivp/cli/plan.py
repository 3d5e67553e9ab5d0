"""plan, show, drift: from the world to a plan that people read and apply takes."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.output import fresh_file, read_bytes, write_bytes
from aivp.cli.overhearing import attending, overhear
from aivp.cli.settings import Settings, project_options
from aivp.cli.show import check_form, format_option, say_next, show_plan
from aivp.diagnostics import Diagnostic
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.engine import Engine
    from aivp.model.evidence import Evidence
    from aivp.plan.steps import Plan
    from aivp.views.next_text import Unfinished

selection = (
    click.option("--target", "targets", metavar="ADDR", multiple=True, help="Only this, and what it needs."),
    click.option("--exclude", "excluded", metavar="ADDR", multiple=True, help="Not this, nor what needs it."),
)


@click.command()
@click.option("-o", "output", metavar="FILE", help="Write the plan; its digest is recorded for apply.")
@click.option("--bundle", metavar="FILE", help="Write the plan with all content that it takes, for apply elsewhere.")
@click.option("--observed", metavar="FILE", help="Plan from recorded evidence instead of the hosts.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there is anything to do.")
@selection[0]
@selection[1]
@format_option
@project_options
def plan_command(
    settings: Settings,
    output: str | None,
    bundle: str | None,
    observed: str | None,
    detailed_exitcode: bool,
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
    form: str,
) -> None:
    """Show what apply would do."""
    check_form(settings, form)
    engine = settings.engine()
    with evidence(engine, settings, observed) as found:
        from aivp.plan.options import Options
        from aivp.views.next_text import after_plan

        plan = engine.plan(found, Options(targets, excluded))
        keep(engine, plan, output, bundle)
        show_plan(plan, settings, output, bundle, form=form)
        chosen = [word for name in targets for word in ("--target", name)]
        chosen += [word for name in excluded for word in ("--exclude", name)]
        files = [name for name in (output, bundle) if name is not None]
        waits_for = None if observed is not None or plan.is_empty else _unfinished(engine)
        following = after_plan(
            plan, settings.commands, files=files, selection=chosen, observed=observed, unfinished=waits_for
        )
        say_next(following if form == "text" else (), settings)
    if detailed_exitcode:
        _leave(plan, settings)


@click.command()
@click.argument("file")
@click.option("-o", "output", metavar="PAGE", help="Write the Markdown or HTML there.  [default: standard output]")
@format_option
@project_options
def show_command(settings: Settings, file: str, output: str | None, form: str) -> None:
    """Show a plan file, or a bundle of one, as `plan` did. Needs no project and no host."""
    from aivp.cli.show import read

    check_form(settings, form)
    if output is not None and form == "text":
        raise click.UsageError("-o takes a page: name its --format, markdown or html.")
    show_plan(read(file), settings, None, form=form, to=output)


@click.command()
@click.option("--ignore", metavar="ADDR", multiple=True, help="Do not look at this.")
@click.option("--observed", metavar="FILE", help="Look into recorded evidence instead of at the hosts.")
@project_options
def drift_command(settings: Settings, ignore: tuple[str, ...], observed: str | None) -> None:
    """Show what changed behind our back since the last apply. Changes nothing.

    Exit 2 where anything did, 1 where nothing did but some of it could not be looked at.
    """
    from dataclasses import replace

    from aivp.plan.options import Options
    from aivp.views.next_text import after_drift

    engine = settings.engine()
    with evidence(engine, settings, observed) as seen:
        plan = engine.plan(seen, Options(excluded=ignore))
    drifted = [step for step in plan.steps if step.is_drift]
    found = replace(plan, steps=drifted, rollouts=())
    show_plan(found, settings, None, is_whole=False)
    say_next(after_drift(found, settings.commands), settings)
    _leave(found, settings)


@contextlib.contextmanager
def evidence(engine: Engine, settings: Settings, observed: str | None = None) -> Iterator[Evidence]:
    """From the hosts, or from a file that `observe -o` wrote; with a warning for each host that could not be asked.

    While the block works with it, the runners end; when it is left, they have.
    """
    from aivp.engine import asking

    if observed is not None:
        found = recorded(observed)
        warn(found, settings)
        yield found
        return
    with engine.sessions() as sessions:
        overhear(sessions, settings, engine.now)
        with attending(sessions, settings):
            found = asking.observe(engine, sessions, import_next)
        sessions.leave()
        warn(found, settings)
        yield found


def import_next() -> None:
    """What turns evidence into a plan that is shown."""
    for name in ("observe.unreached", "plan.blobs", "plan.plan", "views.next_text", "views.plan_text"):
        importlib.import_module(f"aivp.{name}")


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


def _unfinished(engine: Engine) -> Unfinished | None:
    """The run that blocks every new one."""
    if (state := engine.existing_state()) is None:
        return None
    from aivp.model.oneoff import is_one_off
    from aivp.views.next_text import Unfinished

    try:
        return Unfinished(record.run, is_one_off(record.plan)) if (record := state.open_run()) else None
    finally:
        state.close()


def recorded(file: str) -> Evidence:
    """Evidence that `observe -o` wrote. Raises Refused (AIVP0410)."""
    from aivp.cli.seeming import seeming
    from aivp.model.evidence import read_evidence

    body = read_bytes(file)
    try:
        return read_evidence(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        why = f"{file} is no evidence of this version: it seems to be {seeming(body, 'evidence')}."
        raise refusal("AIVP0410", why, "Record it with: aivp observe -o FILE") from None


def keep(engine: Engine, plan: Plan, output: str | None, bundle: str | None = None) -> None:
    """Write a plan, and the bundle of it, and remember its digest, so that apply knows it as this state's own."""
    if output is None and bundle is None:
        return
    from aivp_contract import canonical

    from aivp.engine import running

    body, source_map = plan.encode(), engine.source_map(plan)
    if output is not None:
        write_bytes(body, output)
        write_bytes(source_map, f"{output}.map")
    if bundle is not None:
        from aivp.blobs.bundle import write

        with fresh_file(bundle) as file:
            write(file, body, source_map, running.contents(engine, plan))
    if not plan.is_applicable:
        return  # apply takes it from nobody, so no state needs to know it: none is made or asked for
    state = engine.state()
    try:
        state.record_plan(canonical.digest_bytes(body))
    finally:
        state.close()
