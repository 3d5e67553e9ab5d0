"""fmt: people's files in one layout, with every comment and without a change of what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import PLAIN, Settings
from aivp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from aivp.config.cue import Cue

_STDIN = "-"


@click.command()
@click.argument("paths", metavar="[PATHS]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; end with 1 where something would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("-C", "directory", metavar="DIR", help="The project's folder.  [default: .]")
@click.option("--no-color", is_flag=True, help="Plain text.")
@click.pass_context
def fmt_command(
    ctx: click.Context, paths: tuple[str, ...], check: bool, diff: bool, directory: str | None, no_color: bool
) -> int:
    """Lay out YAML and CUE files alike, in place. Comments, quotes, the order of keys and all values stay.

    PATHS are files, or folders of projects; without any, it is the project in this folder, with all that its
    environments include. `-` reads standard input and writes standard output. CUE files go through `cue fmt`.
    """
    from aivp.cli.settings import has_color

    folder = directory or (ctx.find_root().obj or {}).get("directory") or "."
    settings = replace(PLAIN, directory=folder, color=not no_color and has_color())
    work = _Work(settings, is_dry=check or diff, shows=diff)
    if paths == (_STDIN,):
        return work.pipe()
    for path in paths or (folder,):
        work.attempt(work.add, path)
    return work.end(check)


class _Work:
    """Goes on after a file that is refused. `changed`: how many would be, or were, written."""

    def __init__(self, settings: Settings, *, is_dry: bool, shows: bool) -> None:
        self.settings = settings
        self.is_dry, self.shows = is_dry, shows
        self.seen = self.changed = 0
        self.refused: list[Diagnostic] = []
        self.cue: Cue | None = None

    def add(self, path: str) -> None:
        """A file, or all files of the project in a folder."""
        if not os.path.isdir(path):
            self.file(path)
            return
        from pathlib import Path

        from aivp.edit.documents import find_documents

        found = find_documents(Path(path))
        for name in (*found.yaml, *found.cue):
            shown = os.path.normpath(os.path.join(path, name))
            self.attempt(self.file, shown)
        self.refused += [item for item in found.flaws.sorted() if item.severity == "error"]

    def attempt(self, work: Callable[[str], None], path: str) -> None:
        try:
            work(path)
        except Refused as refused:
            self.refused += refused.diagnostics

    def file(self, path: str) -> None:
        from aivp.edit.rewrite import read_own, rewrite

        before = read_own(path)
        after = self.formatted(before, path)
        self.seen += 1
        if after == before:
            return
        if not self.is_dry:
            rewrite(path, before, after)
        self.changed += 1
        self.show(path, before, after)

    def formatted(self, data: bytes, path: str) -> bytes:
        if path.endswith(".cue"):
            from aivp.config.cue import find_cue

            self.cue = self.cue or find_cue(None)
            return self.cue.format(data, path)
        from aivp.edit.fmt.formatted import formatted

        return formatted(data, path)

    def show(self, path: str, before: bytes, after: bytes) -> None:
        from aivp.views.escape import line
        from aivp.views.file_diff_text import file_diff

        if self.shows:
            for text in file_diff(path, before, after, color=self.settings.color):
                click.echo(text, color=self.settings.color)
        else:
            click.echo(line(path))

    def pipe(self) -> int:
        """Standard input in layout, to standard output."""
        from aivp.cli.failure import refusals
        from aivp.edit.fmt.formatted import formatted

        data = sys.stdin.buffer.read()
        with refusals(self.settings):
            done = formatted(data, "standard input")
        if not self.is_dry:
            sys.stdout.buffer.write(done)
            sys.stdout.flush()
        elif self.shows:
            self.show("standard input", data, done)
        return 1 if self.is_dry and done != data else 0

    def end(self, check: bool) -> int:
        """Say what happened on standard error, where it disturbs no list of files."""
        if self.refused:
            from aivp.cli.failure import print_diagnostics
            from aivp.diagnostics import Diagnostics

            print_diagnostics(Diagnostics(self.refused).sorted(), replace(self.settings, directory="."))
        click.echo(" ".join(self.counted()), err=True)
        return 1 if self.refused or (check and self.changed) else 0

    def counted(self) -> Iterator[str]:
        noun = "file" if self.changed == 1 else "files"
        if self.is_dry:
            yield f"{self.changed} of {self.seen} would change." if self.changed else _unchanged(self.seen)
        else:
            yield f"{self.changed} {noun} laid out anew, {self.seen - self.changed} left as they are."
        if self.refused:
            yield "What is refused above was not touched."


def _unchanged(count: int) -> str:
    return "1 file stays as it is." if count == 1 else f"{count} files stay as they are."
