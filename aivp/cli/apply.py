"""apply, destroy: exactly the plan that was shown, or the run that was interrupted."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.output import read_plan_file
from aivp.cli.overhearing import attending, overhear
from aivp.cli.plan import import_next, selection, warn
from aivp.cli.screen import Screen
from aivp.cli.settings import Settings, project_options
from aivp.cli.show import say_next, show_plan
from aivp.diagnostics import Diagnostic
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from types import FrameType

    from aivp.apply.run import Run
    from aivp.blobs.bundle import Bundle
    from aivp.engine import Engine
    from aivp.hosts.sessions import Sessions
    from aivp.plan.options import Options
    from aivp.plan.steps import Plan
    from aivp.state import State

EXIT_CODES = {"done": 0, "failed": 5, "interrupted": 130}


@click.command()
@click.argument("file", required=False)
@click.option("--resume", is_flag=True, help="Go on with the run that was interrupted or has failed steps.")
@click.option("--digest", metavar="SHA256", help="Apply a plan that was made elsewhere, if this is its digest.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@selection[0]
@selection[1]
@project_options
def apply_command(
    settings: Settings,
    file: str | None,
    resume: bool,
    digest: str | None,
    yes: bool,
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
) -> None:
    """Apply a plan file, or the bundle of one; without a file: plan, show, ask, apply."""
    engine = settings.engine()
    if file is None and not resume:
        with _on_the_way(engine) as (sessions, state):
            from aivp.plan.options import Options

            ended = _plan_and_apply(engine, state, settings, sessions, Options(targets, excluded), yes)
        leave(*ended, settings)
    with contextlib.closing(engine.state()) as state:
        if resume or file is None:
            leave(*_resume(engine, state, settings, file), settings)
        from aivp.state.records import refuse_open

        refuse_open(state.open_run())
        with engine.sessions() as sessions:
            body, bundle = _known(file, state, digest)
            ended = _apply(engine, state, settings, body, _map_of(file, bundle), sessions, bundle)
        leave(*ended, settings)


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--target", "targets", metavar="ADDR", multiple=True, help="Only this, and what needs it.")
@click.option("--exclude", "excluded", metavar="ADDR", multiple=True, help="Not this, nor what it needs.")
@project_options
def destroy_command(settings: Settings, yes: bool, targets: tuple[str, ...], excluded: tuple[str, ...]) -> None:
    """Take away everything that was created here; what was there before stays and is forgotten."""
    from aivp.plan.options import Options
    from aivp.views.next_text import after_destroy

    engine = settings.engine().to_destroy()
    with _on_the_way(engine) as (sessions, state):
        options = Options(targets, excluded, is_destroy=True)
        plan, status = _plan_and_apply(engine, state, settings, sessions, options, yes)
        if not plan.is_empty:
            say_next(after_destroy(status, settings.commands), settings)
        leave(plan, status, settings)


def leave(plan: Plan, status: str, settings: Settings) -> NoReturn:
    """Leave with the exit code of how a run of `plan` ended: what was blocked in it is not applied."""
    code = EXIT_CODES[status]
    if plan.blocked:
        from aivp.plugins.suggestion import listing

        hosts = "Let their hosts be reached, or their providers work (`aivp plan` says why not), then apply again."
        why = f"{len(plan.blocked)} of the resources were blocked and are not applied: {listing(plan.blocked)}."
        print_diagnostics([Diagnostic("AIVP0512", why, hosts)], settings)
    if plan.blocked and code == 0:
        code = 1 if plan.is_empty and not plan.unchanged else 5  # without anything else there is no rest that is done
    raise click.exceptions.Exit(code)


@contextlib.contextmanager
def _on_the_way(engine: Engine) -> Iterator[tuple[Sessions, State]]:
    """Sessions with hosts that are being reached while the state is opened. Raises Refused where a run is open."""
    with engine.sessions() as sessions:
        sessions.expect(engine.hosts_ahead)
        with contextlib.closing(engine.state()) as state:
            from aivp.state.records import refuse_open

            refuse_open(state.open_run())
            yield sessions, state


def _plan_and_apply(
    engine: Engine, state: State, settings: Settings, sessions: Sessions, options: Options, yes: bool
) -> tuple[Plan, str]:
    from aivp.engine import asking

    overhear(sessions, settings, engine.now)
    with attending(sessions, settings):
        found = asking.observe(engine, sessions, _import_next)
    warn(found, settings)
    plan = engine.plan(found, options)
    if plan.is_empty:
        sessions.leave()
    show_plan(plan, settings, None)
    if plan.is_empty:
        return plan, "done"
    if not yes:
        sessions.close()  # nobody knows how long a person thinks
        _ask(settings)
    return _apply(engine, state, settings, plan.encode(), engine.source_map(plan), sessions)


def _import_next() -> None:
    """What shows a plan and then does it."""
    for name in ("aivp.apply.run", "aivp.views.json_lines", "aivp.views.run_text"):
        importlib.import_module(name)
    import_next()


def _ask(settings: Settings) -> None:
    if settings.is_json or not sys.stdin.isatty():
        raise refusal("AIVP0901", "Nobody is there to be asked.", "Apply a plan file, or say -y.")
    if click.prompt("\nApply this? Only yes is accepted", default="no", show_default=False) != "yes":
        raise refusal("AIVP0904", "Not applied.")


def _known(file: str, state: State, digest: str | None) -> tuple[bytes, Bundle | None]:
    """A plan, or a bundle, counts if this state's own `plan` wrote it, or its digest is given. Raises Refused."""
    from aivp_contract import canonical

    from aivp.cli.seeming import not_a_plan
    from aivp.plan.steps import UNREADABLE, read_plan

    body, bundle = read_plan_file(file)
    found = canonical.digest_bytes(body)
    if digest is None and state.knows_plan(found):
        return body, bundle
    try:
        is_applicable = read_plan(body).is_applicable
    except UNREADABLE:
        raise not_a_plan(file, body) from None
    if not is_applicable:
        return body, bundle  # no state knows such a plan; that it is only for review is the better reason to refuse it
    if digest is not None and digest.removeprefix("sha256:") != found.removeprefix("sha256:"):
        raise refusal("AIVP0509", f"The plan's digest is {found}, not {digest}.", "Review it again.", exit_code=4)
    if digest is None:
        raise refusal(
            "AIVP0509",
            "This plan was not written by `aivp plan -o` of this state, or was changed since.",
            f"If you have reviewed exactly this file: aivp apply --digest {found} FILE",
            exit_code=4,
        )
    return body, bundle


def _map_of(file: str, bundle: Bundle | None) -> bytes:
    from aivp.cli.listening import LARGEST, map_beside

    return map_beside(file) if bundle is None else bundle.source_map(LARGEST)


def _apply(
    engine: Engine,
    state: State,
    settings: Settings,
    body: bytes,
    source_map: bytes,
    sessions: Sessions,
    bundle: Bundle | None = None,
) -> tuple[Plan, str]:
    from aivp.cli.listening import listening
    from aivp.engine import running

    with listening(settings, state.folder, engine, source_map, sessions) as listen:
        run = running.begin(engine, body, state, sessions, listen, bundle)
        with _interruptible(run, settings.screen):
            return run.plan, run.start(body)


def _resume(engine: Engine, state: State, settings: Settings, file: str | None) -> tuple[Plan, str]:
    from aivp.engine import running
    from aivp.model.oneoff import is_one_off

    record = state.open_run() or state.failed_run()
    if record is None:
        raise refusal("AIVP0510", "There is no run to go on with.", "See: aivp runs list")
    if is_one_off(record.plan):
        why = f"The run {record.run} is of aivp exec: its command is never started again by itself."
        raise refusal("AIVP0625", why, "Settle it: aivp runs abandon.")
    from aivp.cli.listening import listening, map_beside

    body, bundle = (record.body, None) if file is None else read_plan_file(file)
    if body != record.body:
        why = f"{file} is of another plan than the run {record.run}, which is to be gone on with."
        raise refusal("AIVP0516", why, "Name the file that this run was begun with, or none.", exit_code=4)
    source_map = map_beside(state.folder / "runs" / record.run)
    with (
        engine.sessions() as sessions,
        listening(settings, state.folder, engine, source_map, sessions) as listen,
    ):
        run = running.resume(engine, record, state, sessions, listen, bundle)
        with _interruptible(run, settings.screen):
            return run.plan, run.resume(record.run)


@contextlib.contextmanager
def _interruptible(run: Run, screen: Screen) -> Iterator[None]:
    """Ctrl-C once: finish the steps in hand. Twice: stop the links; the hosts finish what they have begun."""
    words = (
        "Finishing the steps in hand, starting no more. Once more to stop at once.",
        "Stopping at once. What a host has begun it brings to its end; aivp apply --resume asks for it.",
    )
    presses: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        presses.append(number)
        if len(presses) <= len(words):
            screen.at_once(words[len(presses) - 1])
        act = run.stop if len(presses) == 1 else run.sessions.kill
        threading.Thread(target=act, daemon=True).start()  # a handler must not wait for locks that we hold

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():  # after the second press there is nothing left to stop but the end
            signal.signal(number, signal.SIG_IGN if len(presses) >= len(words) else handler)
