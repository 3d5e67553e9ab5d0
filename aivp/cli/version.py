"""version: what this aivp is made of. The bare number is `--version`, which imports nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import PLAIN, plain

if TYPE_CHECKING:
    from aivp.cli.made_of import MadeOf, Part

WIDTH = 11


@click.command()
@click.option("--json", "is_json", is_flag=True, help="One JSON object.")
@plain
def version_command(is_json: bool) -> None:
    """Say what this aivp is made of: packages, providers, formats, cue, libraries, optional parts."""
    from textwrap import TextWrapper

    from aivp.cli.made_of import FORMATS, made_of
    from aivp.views import escape
    from aivp.views.json_lines import line

    found = made_of()
    rows = TextWrapper(
        PLAIN.width, subsequent_indent=" " * (WIDTH + 2), break_long_words=False, break_on_hyphens=False
    )  # what people copy, such as a digest, stays in one piece
    if is_json:
        extras = [{**asdict(item), "is_complete": item.is_complete} for item in found.extras]
        click.echo(line("version", {**asdict(found), "extras": extras, "formats": FORMATS}))
        return
    for text in _text(found, FORMATS):
        click.echo("\n".join(rows.wrap(escape.line(text, most=100_000))))


def _text(found: MadeOf, formats: Mapping[str, int]) -> Iterator[str]:
    commit = "" if found.commit is None else f"  (commit {found.commit[:12]}{'+' if found.commit[-1] == '+' else ''})"
    yield f"aivp {found.version}{commit}"
    yield _row("in", found.folder)
    yield _row("python", f"{found.python}  {found.executable}")
    yield _row("platform", found.platform)
    yield _row("packages", _list(found.packages))
    for item in found.providers:
        yield _row("provider", f"{item.name} {item.version}  {item.digest}")
    yield _row("runner", found.runner)
    yield _row("formats", ", ".join(f"{name} {number}" for name, number in formats.items()))
    cue = found.cue
    yield _row("cue", cue.why if cue.path is None else f"{cue.version}  {cue.path}")
    yield _row("libraries", _list(found.libraries))
    for extra in found.extras:
        yield _row("optional", f"{extra.name}: {_list(extra.parts)}")


def _row(name: str, text: str | None) -> str:
    return f"  {name:<{WIDTH}}{text}"


def _list(parts: Sequence[Part]) -> str:
    return ", ".join(f"{part.name} {part.version or '(not installed)'}" for part in parts)
