"""What somebody has typed so far → what may come next. For the scripts of `aivp completion`, which ask on each tab.

A parameter is known by its metavar, so a new command completes what it calls HOST without a word here. The answer is
lines of `value TAB help`; `:files` and `:dirs` leave it to the shell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import click
from click.shell_completion import CompletionItem, ShellComplete

TYPE_CHECKING = False  # each millisecond is one of somebody who waits for a key
if TYPE_CHECKING:
    from aivp.config.outline import Outline

FILES, FOLDERS = ":files", ":dirs"


def answer(words: list[str]) -> None:
    """Print what may stand for the last of `words`."""
    from aivp.cli.commands import cli

    *before, incomplete = [word.lstrip("\"'") for word in words] or [""]
    click.Parameter.shell_complete = _complete  # type: ignore[assignment,method-assign]  # one process
    found = _Answer(cli, {}, "aivp", "_AIVP_COMPLETE").get_completions(before, incomplete)
    text = "".join(
        f"{item.value}\t{item.help or ''}\n" for item in found if _is_plain(f"{item.value}{item.help or ''}")
    )
    sys.stdout.write(text)


class _Answer(ShellComplete):
    """Without a script: those of `aivp completion` are files."""

    name = "aivp"
    source_template = ""


def _is_plain(text: str) -> bool:
    return text.isprintable()


def _complete(parameter: click.Parameter, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Stands in for click's own, which knows choices and files only."""
    if isinstance(parameter.type, click.Choice):
        return parameter.type.shell_complete(ctx, parameter, incomplete)
    place = _Place(ctx)
    values = list(_values(parameter, place, incomplete))
    return [CompletionItem(value) for value in values if value.startswith((incomplete, ":"))]


def _values(parameter: click.Parameter, place: _Place, incomplete: str) -> Iterator[str]:
    """One of several stands as `CODE|ADDRESS`."""
    for wanted in (parameter.metavar or parameter.name or "").strip("[]. ").split("|"):
        found = next((source for names, source in _SOURCES if wanted in names), None)
        yield from () if found is None else found(place, incomplete)


@dataclass
class _Place:
    """The project that is meant, read when it is first asked for."""

    ctx: click.Context
    _read: list[Outline] = field(default_factory=list)

    @property
    def folder(self) -> str:
        return str(self._param("directory") or ".")

    @property
    def outline(self) -> Outline:
        if not self._read:
            from pathlib import Path

            from aivp.config.outline import outline

            self._read.append(outline(Path(self.folder)))
        return self._read[0]

    def _param(self, name: str) -> object:
        ctx: click.Context | None = self.ctx
        while ctx is not None:
            if ctx.params.get(name) is not None:
                return ctx.params[name]
            ctx = ctx.parent
        return None

    def names(self, *sections: str) -> list[str]:
        return [name for section in sections for name in self.outline.of(section)]

    def runs(self) -> list[str]:
        """Ids of runs, the newest first, from the names of their logs: no state is opened."""
        environment = self._param("environment")
        base = os.path.join(self.folder, ".aivp")
        found: list[tuple[float, str]] = []
        for name in [str(environment)] if environment else sorted(os.listdir(base)):
            folder = os.path.join(base, name, "runs")
            if os.path.isdir(folder):
                logs = [item for item in os.scandir(folder) if item.name.endswith(".jsonl")]
                found += [(item.stat().st_mtime, item.name.removesuffix(".jsonl")) for item in logs]
        return [run for _, run in sorted(found, reverse=True)]


def _addresses(place: _Place, incomplete: str) -> Iterable[str]:
    """Without a bracket or a host only once there is one: the short forms come first."""
    is_short = not {"[", "@"} & {*incomplete}
    known = place.outline.addresses()
    bare = [name for name in known if not {"[", "@"} & {*name}]
    return bare if is_short and incomplete not in bare else known


def _vms(place: _Place, incomplete: str) -> Iterable[str]:
    return [name for name in _addresses(place, incomplete) if name.startswith("vm.")]


def _hosts(place: _Place, incomplete: str) -> Iterable[str]:
    """One of a list with commas, too."""
    head, comma, _ = incomplete.rpartition(",")
    return [f"{head}{comma}{name}" for name in place.names("hosts", "groups")]


def _kinds(_: _Place, __: str) -> list[str]:
    from aivp.plugins import Registry

    return [*Registry.discover().kinds]


def _kind_at_host(place: _Place, incomplete: str) -> Iterable[str]:
    kind, at, _ = incomplete.partition("@")
    return (
        [f"{kind}@{name}" for name in place.names("hosts")]
        if at
        else [f"{name}@" for name in _kinds(place, incomplete)]
    )


def _codes(_: _Place, incomplete: str) -> Iterable[str]:
    """There are hundreds: only for who begins one."""
    from aivp.diagnostics.catalogue import SUMMARIES

    return [*SUMMARIES] if incomplete.startswith("A") else []


def _providers(_: _Place, __: str) -> Iterable[str]:
    from aivp.plugins import Registry

    return [*Registry.discover().providers]


def _examples(_: _Place, __: str) -> Iterable[str]:
    from aivp.edit.starters import STARTERS

    return [item.name for item in STARTERS]


_Source = Callable[[_Place, str], Iterable[str]]
_SOURCES: tuple[tuple[tuple[str, ...], _Source], ...] = (
    (("ADDR", "ADDRESS", "ADDRESSES", "address", "addresses", "old", "new"), _addresses),
    (("VM",), _vms),
    (("HOST", "HOSTS", "host", "hosts"), _hosts),
    (("ENV", "ENVIRONMENT"), lambda place, _: place.names("environments")),
    (("RUN", "run"), lambda place, _: place.runs()),
    (("KIND", "kind"), _kinds),
    (("KIND@HOST",), _kind_at_host),
    (("var.NAME",), lambda place, _: [f"var.{name}" for name in place.names("variables")]),
    (("CODE",), _codes),
    (("PROVIDER",), _providers),
    (("EXAMPLE",), _examples),
    (("NAME=VALUE",), lambda place, _: [f"{name}=" for name in place.names("variables")]),
    (("FILE", "PATH", "PATHS", "PAGE", "file", "paths", "PLAN", "A", "B"), lambda _, __: [FILES]),
    (("DIR", "FOLDER", "folder"), lambda _, __: [FOLDERS]),
)
"""Metavars, or names of what has none → where values come from."""
