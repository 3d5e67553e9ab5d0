"""schema: the language, with the kinds installed here, as JSON Schema or CUE; and what makes editors use it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import PLAIN
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.schema.shape import Language


@click.command()
@click.option("--format", "form", type=click.Choice(["json", "cue"]), default="json", show_default=True)
@click.option("--package", metavar="NAME", default="aivp", show_default=True, help="The package of the CUE file.")
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@click.option("--install", is_flag=True, help="Into the project, with a comment in its files, for editors.")
@click.option("-C", "directory", metavar="DIR", help="The project's folder.  [default: .]")
@click.pass_context
def schema_command(
    ctx: click.Context, form: str, package: str, output: str | None, install: bool, directory: str | None
) -> None:
    """Write the language with all installed kinds as JSON Schema (draft 7) or CUE definitions.

    --install writes .aivp/schema.json in the project, and names it on top of each of its YAML files: an editor with
    yaml-language-server then completes and checks them. Run it again after a provider was installed.
    """
    from aivp.cli.failure import refusals
    from aivp.cli.output import write_bytes

    folder = directory or (ctx.find_root().obj or {}).get("directory") or "."
    with refusals(replace(PLAIN, directory=folder)):
        if install:
            _install(folder)
        elif form == "json":
            write_bytes(schema_bytes(), output)
        else:
            _refuse_package(package)
            from aivp.schema.cue import cue_definitions

            write_bytes(cue_definitions(_language(), package).encode(), output)


def write_schema(folder: str) -> str:
    """Into the project in `folder`, where git overlooks it; its path. Raises Refused."""
    from aivp.edit.modeline import SCHEMA
    from aivp.edit.rewrite import put

    path = os.path.normpath(os.path.join(folder, SCHEMA))
    place, name = os.path.split(path)
    put(place, name, schema_bytes())
    put(place, ".gitignore", b"*\n")
    return path


def schema_bytes() -> bytes:
    """The JSON Schema as a file."""
    import json

    from aivp.schema.json_schema import json_schema

    return (json.dumps(json_schema(_language()), indent=1, ensure_ascii=False) + "\n").encode()


def _language() -> Language:
    from aivp.plugins import Registry
    from aivp.schema.language import language

    return language(Registry.discover().manifests)


def _install(folder: str) -> None:
    from pathlib import Path

    from aivp.cli.failure import print_diagnostics
    from aivp.edit.documents import find_documents
    from aivp.edit.modeline import with_modeline
    from aivp.edit.rewrite import read_own, rewrite
    from aivp.views.escape import line

    found = find_documents(Path(folder))
    click.echo(f"{line(write_schema(folder))} is written; git overlooks it.")
    for path in found.yaml:
        shown = os.path.normpath(os.path.join(folder, path))
        before = read_own(shown)
        after = with_modeline(before, path)
        if after != before:
            rewrite(shown, before, after)
            click.echo(f"{line(shown)} names it in its first line.")
    if found.flaws.items:
        print_diagnostics(found.flaws.sorted(), replace(PLAIN, directory=folder))


def _refuse_package(name: str) -> None:
    import re

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise refusal("AIVP0958", f"{name[:60]!r} is no name of a CUE package.", "Letters, digits and _.")
