"""Options that many commands share, gathered into one value and from there into an engine."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aivp.cli.screen import Screen

if TYPE_CHECKING:
    from aivp.diagnostics import Diagnostic
    from aivp.engine import Engine
    from aivp.views.next_text import Commands

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person said about project and output.

    given: --var and --var-file in their order; sarif: the file that `told` goes to, what was said of the project.
    """

    directory: str
    environment: str | None
    given: tuple[tuple[str, str], ...]
    parallelism: int
    is_json: bool
    color: bool
    is_untrusted: bool
    is_verbose: bool
    screen: Screen = field(default_factory=Screen)
    sarif: str | None = None
    told: list[Diagnostic] = field(default_factory=list)

    def engine(self) -> Engine:
        """The engine for this command."""
        from pathlib import Path

        from aivp.config.variables import Assignment, VariableFile, VariableInputs
        from aivp.engine import Engine

        given = [
            VariableFile(Path(text)) if name == "file" else Assignment(*text.split("=", 1)) for name, text in self.given
        ]
        return Engine(
            root=Path(self.directory),
            environment=self.environment,
            variables=VariableInputs(dict(os.environ), given),
            parallelism=self.parallelism,
            is_untrusted=self.is_untrusted,
            warn=self._warn,
        )

    def _warn(self, diagnostics: Sequence[Diagnostic]) -> None:
        from aivp.cli.failure import print_diagnostics

        if diagnostics:
            print_diagnostics(diagnostics, self)

    @property
    def commands(self) -> Commands:
        """How other commands of this project, environment and variables are called."""
        from aivp.views.next_text import Commands

        options = [] if self.directory == "." else ["-C", self.directory]
        options += [] if self.environment is None else ["-e", self.environment]
        for name, text in self.given:
            options += ["--var-file" if name == "file" else "--var", text]
        return Commands(options)

    @property
    def width(self) -> int:
        """Columns of the terminal, 100 where there is none."""
        import shutil

        return max(shutil.get_terminal_size((100, 24)).columns, 40)


PLAIN = Settings(".", None, (), 1, is_json=False, color=False, is_untrusted=False, is_verbose=False)
"""Where nothing of a project was said."""


def project_options(function: Callable[..., R]) -> Callable[..., R]:
    """Adds the shared options to a command; it is called with `settings` in front."""

    @click.option("-C", "directory", metavar="DIR", help="The project's folder.  [default: .]")
    @click.option("-e", "environment", metavar="ENV", help="The environment.")
    @click.option(
        "--var", metavar="NAME=VALUE", multiple=True, expose_value=False, callback=_assignments, help="Set a variable."
    )
    @click.option(
        "--var-file",
        metavar="FILE",
        multiple=True,
        expose_value=False,
        callback=_files,
        help="Set variables from YAML.",
    )
    @click.option(
        "--parallelism",
        "--forks",
        "parallelism",
        type=click.IntRange(1, 256),
        default=10,
        show_default=True,
        help="Hosts at once.",
    )
    @click.option("--json", "is_json", is_flag=True, help="One JSON object a line.")
    @click.option("--sarif", metavar="FILE", help="Write diagnostics as SARIF, too, for a code review.")
    @click.option("--no-color", is_flag=True, help="Plain text.")
    @click.option("--untrusted", is_flag=True, help="Run nothing that the project's author wrote.")
    @click.option("-v", "--verbose", is_flag=True, help="Everything, unfolded.")
    @click.pass_context
    @functools.wraps(function)
    def wrapped(
        ctx: click.Context,
        /,
        directory: str | None,
        environment: str | None,
        parallelism: int,
        is_json: bool,
        sarif: str | None,
        no_color: bool,
        untrusted: bool,
        verbose: bool,
        **options: Any,
    ) -> R:
        outer = ctx.find_root().obj or {}
        settings = Settings(
            directory=directory or outer.get("directory") or ".",
            environment=environment or outer.get("environment"),
            given=_ordered(sys.argv),
            parallelism=parallelism,
            is_json=is_json,
            color=not no_color and has_color(),
            is_untrusted=untrusted,
            is_verbose=verbose,
            sarif=sarif,
        )
        from aivp.cli.failure import refusals

        if sarif is not None:
            from aivp.cli.sarif import reporting as refusals  # which reports them, too

        with refusals(settings):
            return function(settings, **options)

    return wrapped


def has_color() -> bool:
    """A terminal that can, and a person who wants it: https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain(function: Callable[..., R]) -> Callable[..., R]:
    """For a command that knows no project: its refusals are told as everywhere."""

    @functools.wraps(function)
    def wrapped(**options: Any) -> R:
        from aivp.cli.failure import refusals

        with refusals(PLAIN):
            return function(**options)

    return wrapped


def _assignments(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> None:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value} is not NAME=VALUE", ctx, parameter)


def _files(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> None:
    for value in values:
        if not os.path.isfile(value):
            raise click.BadParameter(f"{value} is no file", ctx, parameter)


def _ordered(argv: list[str]) -> tuple[tuple[str, str], ...]:
    """--var and --var-file in the order in which they stand: click gathers each option by itself."""
    found: list[tuple[str, str]] = []
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            break
        for option, name in (("--var", "var"), ("--var-file", "file")):
            if word == option:
                found.append((name, next(words, "")))
            elif word.startswith(option + "="):
                found.append((name, word[len(option) + 1 :]))
    return tuple(found)
