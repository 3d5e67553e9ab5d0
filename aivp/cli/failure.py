"""How a command ends badly: diagnostics for what people can mend, one calm message for our own bugs."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aivp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from aivp.cli.settings import Settings


@contextlib.contextmanager
def refusals(settings: Settings) -> Iterator[None]:
    """Print the diagnostics of a refusal and exit with its code."""
    try:
        yield
    except Refused as refused:
        print_diagnostics(refused.diagnostics, settings)
        raise click.exceptions.Exit(refused.exit_code) from None


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings, *, is_stdout_taken: bool = False) -> None:
    """On stderr for people, as JSON lines for machines: on stdout, unless the command's product goes there."""
    if settings.is_json:
        from aivp.views.json_lines import diagnostic_line

        for item in diagnostics:
            click.echo(diagnostic_line(item), err=is_stdout_taken)
        return
    from aivp.views.diagnostic_text import render_diagnostics

    root = Path(settings.directory)
    color = settings.color and sys.stderr.isatty()
    text = render_diagnostics(diagnostics, lambda file: _source(root, file), color=color, width=settings.width)
    click.echo(text, err=True, color=color)


def report(error: Exception, argv: Sequence[str]) -> int:
    """Our own bug: where it is and what to send; the traceback on request."""
    if os.environ.get("AIVP_DEBUG"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    sys.stderr.write(
        f"error[AIVP0999]: This is a bug in aivp\n  {type(error).__name__} at {place} in: aivp {' '.join(argv[:1])}\n"
        "  Nothing that was recorded is lost. Run it again with AIVP_DEBUG=1 for the traceback, and report it.\n"
    )
    return 1


def report_io(error: OSError) -> int:
    """The machine's own refusal: a full disk behind standard output, too many open files."""
    if os.environ.get("AIVP_DEBUG"):
        traceback.print_exception(error)
    what = f" ({Path(str(error.filename)).name})" if error.filename else ""
    sys.stderr.write(
        f"error[AIVP0908]: The system refuses\n  {error.strerror or type(error).__name__}{what}.\n"
        "  Nothing that was recorded is lost. Mend it, and run the command again.\n"
    )
    return 1


def _source(root: Path, file: str) -> str | None:
    try:
        return (root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
