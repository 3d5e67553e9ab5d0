"""The entry point: finds the command without importing the others, and turns every end into its exit code.

Exit codes: 0 done or nothing to do · 1 error · 2 changes pending · 3 refused by policy · 4 plan stale or tampered ·
5 some steps failed · 130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import os
import sys

from aivp import __version__

TYPE_CHECKING = False  # importing typing would double what --version costs
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command in sys.argv and exit."""
    _settle_streams()
    try:
        if sys.argv[1:] == ["--version"]:  # answered before anything is imported
            sys.stdout.write(f"aivp {__version__}\n")
            sys.stdout.flush()
            code = 0
        elif "_AIVP_COMPLETE" in os.environ:
            code = _complete()
        else:
            code = _run()
    except KeyboardInterrupt:  # also while something is still being imported
        code = _interrupted("\n")
    except OSError as error:
        code = _unheard(error)
    gc.freeze()  # nobody searches at the end for what may go before the process goes with all of it
    sys.exit(code)


def _settle_streams() -> None:
    """No stream is closed, so that none of our files takes its number; and none chokes on what it cannot show."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _run() -> int:
    gc.set_threshold(200_000, 20, 50)  # what a command makes of a project lives until it ends: seldom worth a search
    import click

    from aivp.cli.commands import cli

    try:
        result = cli.main(prog_name="aivp", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort as abort:
        return _interrupted("" if isinstance(abort.__cause__, KeyboardInterrupt) else "\n")  # click has ended the line
    except click.ClickException as error:
        error.show()
        return 1
    except OSError:
        raise
    except Exception as error:  # the last boundary: a person gets a diagnostic, never a traceback
        from aivp.cli.failure import report

        return report(error, sys.argv[1:])


def _complete() -> int:
    """What the script of a shell asks on a tab; where there is no answer, there is silence."""
    try:
        from aivp.cli.completing import answer

        answer(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except Exception:
        return 1
    return 0


def _unheard(error: OSError) -> int:
    """The machine's own refusal, or a reader that has had enough."""
    from aivp.cli.failure import report_io
    from aivp.cli.output import silence

    silence()
    return 1 if error.errno == errno.EPIPE else report_io(error)


def _interrupted(before: str) -> int:
    """Whoever presses on while the process ends changes nothing any more, least of all the exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr.write(f"{before}Interrupted.\n")
    return 130
