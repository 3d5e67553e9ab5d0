"""apply, destroy: exactly the plan that was shown, or the run that was interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.output import read_bytes, whoever_listens
from aivp.cli.plan import import_next, selection, warn
from aivp.cli.settings import Settings, project_options
from aivp.cli.show import show_plan
from aivp.diagnostics import Diagnostic
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from aivp.apply.run import Run
    from aivp.engine import Engine
    from aivp.events import Event
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
    """Apply a plan file; without one: plan, show, ask, apply."""
    from aivp.plan.options import Options
    from aivp.state.store import refuse_open

    engine = settings.engine()
    state = engine.state()
    with contextlib.closing(state):
        if resume:
            leave(*_resume(engine, state, settings), settings)
        refuse_open(state.open_run())
        if file is not None:
            with engine.sessions() as sessions:
                ended = _apply(engine, state, settings, _known(file, state, digest), sessions)
            leave(*ended, settings)
        leave(*_plan_and_apply(engine, state, settings, Options(targets, excluded), yes), settings)


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def destroy_command(settings: Settings, yes: bool) -> None:
    """Take away everything that was created here; what was there before stays and is forgotten."""
    from aivp.plan.options import Options
    from aivp.state.store import refuse_open

    engine = settings.engine().to_destroy()
    state = engine.state()
    with contextlib.closing(state):
        refuse_open(state.open_run())
        leave(*_plan_and_apply(engine, state, settings, Options(is_destroy=True), yes), settings)


def leave(plan: Plan, status: str, settings: Settings) -> None:
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


def _plan_and_apply(engine: Engine, state: State, settings: Settings, options: Options, yes: bool) -> tuple[Plan, str]:
    with engine.sessions() as sessions:
        found = engine.observe(sessions, _import_next)
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
        return _apply(engine, state, settings, plan.encode(), sessions)


def _import_next() -> None:
    """What shows a plan and then does it."""
    import aivp.apply.run
    import aivp.views.json_lines
    import aivp.views.run_text  # noqa: F401

    import_next()


def _ask(settings: Settings) -> None:
    if settings.is_json or not sys.stdin.isatty():
        raise refusal("AIVP0901", "Nobody is there to be asked.", "Apply a plan file, or say -y.")
    if click.prompt("\nApply this? Only yes is accepted", default="no", show_default=False) != "yes":
        raise refusal("AIVP0904", "Not applied.")


def _known(file: str, state: State, digest: str | None) -> bytes:
    """A plan file counts only if this state's own `plan -o` wrote it, or its digest is given. Raises Refused."""
    from aivp_contract import canonical

    from aivp.cli.seeming import not_a_plan
    from aivp.plan.steps import UNREADABLE, read_plan

    body = read_bytes(file)
    found = canonical.digest_bytes(body)
    if digest is None and state.knows_plan(found):
        return body
    try:
        read_plan(body)
    except UNREADABLE:
        raise not_a_plan(file, body) from None
    if digest is not None and digest.removeprefix("sha256:") != found.removeprefix("sha256:"):
        raise refusal("AIVP0509", f"The plan's digest is {found}, not {digest}.", "Review it again.", exit_code=4)
    if digest is None:
        raise refusal(
            "AIVP0509",
            "This plan was not written by `aivp plan -o` of this state, or was changed since.",
            f"If you have reviewed exactly this file: aivp apply --digest {found} FILE",
            exit_code=4,
        )
    return body


def _apply(engine: Engine, state: State, settings: Settings, body: bytes, sessions: Sessions) -> tuple[Plan, str]:
    with _listener(settings, state, engine.now) as listen:
        run = engine.begin(body, state, sessions, listen)
        with _interruptible(run):
            return run.plan, run.start(body)


def _resume(engine: Engine, state: State, settings: Settings) -> tuple[Plan, str]:
    record = state.open_run() or state.failed_run()
    if record is None:
        raise refusal("AIVP0510", "There is no run to go on with.", "See: aivp runs list")
    with engine.sessions() as sessions, _listener(settings, state, engine.now) as listen:
        run = engine.resume(record, state, sessions, listen)
        with _interruptible(run):
            return run.plan, run.resume(record.run)


@contextlib.contextmanager
def _listener(settings: Settings, state: State, now: Callable[[], str]) -> Iterator[Callable[[Event], None]]:
    """Events go to the terminal, or as JSON lines to standard output, and as the same lines into the run's own log."""
    from aivp.views.json_lines import event_line
    from aivp.views.run_text import RunPrinter

    printer = RunPrinter(
        lambda text: click.echo(text, color=settings.color),
        color=settings.color,
        verbose=settings.is_verbose,
        width=settings.width,
    )
    log = _Log(state.place / "runs")

    def listen(event: Event) -> None:
        text = event_line(event, now())
        log.write(event, text)
        with whoever_listens():
            if settings.is_json:
                click.echo(text)
            else:
                printer.listen(event)

    try:
        yield listen
    finally:
        log.close()


class _Log:
    """`runs/<run>.jsonl` beside the state: the lines of `--json`. A log that cannot be written stops nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file: TextIO | None = None

    def write(self, event: Event, text: str) -> None:
        from aivp.events import RunStarted

        try:
            if isinstance(event, RunStarted):
                self.folder.mkdir(mode=0o700, exist_ok=True)
                self.file = (self.folder / f"{event.run}.jsonl").open("a")
            if self.file is not None:
                self.file.write(text + "\n")
                self.file.flush()
        except OSError:
            self.file = None

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@contextlib.contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Ctrl-C once: finish the steps in hand. Twice: stop the links; the hosts finish what they have begun."""
    words = (
        "Finishing the steps in hand, starting no more. Once more to stop at once.",
        "Stopping at once. What a host has begun it brings to its end; aivp apply --resume asks for it.",
    )
    presses: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        presses.append(number)
        if len(presses) <= len(words):
            _say_at_once(words[len(presses) - 1])
        act = run.stop if len(presses) == 1 else run.sessions.kill
        threading.Thread(target=act, daemon=True).start()  # a handler must not wait for locks that we hold

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():  # after the second press there is nothing left to stop but the end
            signal.signal(number, signal.SIG_IGN if len(presses) >= len(words) else handler)


def _say_at_once(text: str) -> None:
    """In a signal's handler: past the stream, which may be in the middle of a write; a lost terminal stops nothing."""
    with contextlib.suppress(OSError):
        os.write(2, ("\n" * os.isatty(2) + text + "\n").encode())
