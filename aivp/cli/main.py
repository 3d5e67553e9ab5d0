"""The entry point: finds the command without importing the others, and turns every end into its exit code.

Exit codes: 0 done or nothing to do · 1 error · 2 changes pending · 3 refused by policy · 4 plan stale or tampered ·
5 some steps failed · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from aivp import __version__


def main() -> NoReturn:
    """Run the command in sys.argv and exit."""
    if sys.argv[1:] == ["--version"]:  # answered before anything is imported
        sys.stdout.write(f"aivp {__version__}\n")
        sys.exit(0)
    try:
        code = _run()
    except KeyboardInterrupt:  # also while something is still being imported
        sys.stderr.write("\nInterrupted.\n")
        code = 130
    sys.exit(code)


def _run() -> int:
    import click

    from aivp.cli.commands import cli

    try:
        result = cli.main(prog_name="aivp", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        sys.stderr.write("\nInterrupted.\n")
        return 130
    except click.ClickException as error:
        error.show()
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has had enough; nothing is left to say to it
        return 1
    except Exception as error:  # the last boundary: a person gets a diagnostic, never a traceback
        from aivp.cli.failure import report

        return report(error, sys.argv[1:])
