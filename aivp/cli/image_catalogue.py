"""image catalogue list, add, pull, verify, prune: images from elsewhere, pinned in the project, fetched on hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.settings import Settings, project_options
from aivp.cli.storing import each_store, told
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp_contract.values import Json

    from aivp.engine import Engine
    from aivp.model.images import Entry

on_hosts = click.option(
    "--host", metavar="HOSTS", help="Names or groups.  [default: the hosts with images, or the only one]"
)
chosen = click.argument("names", metavar="[NAME]...", nargs=-1)


@click.group("catalogue")
def catalogue_command() -> None:
    """Images from elsewhere: the value `images` of the project, each entry with an address and a digest.

    An image takes one with `source: ${values.images.NAME}`.
    """


@catalogue_command.command("list")
@click.option("--host", metavar="HOSTS", help="Also say what these hosts have fetched.")
@project_options
def list_command(settings: Settings, host: str | None) -> None:
    """The entries; with --host what has been fetched there. Changes nothing."""
    engine = settings.engine()
    entries = list(_entries(engine).values())
    states: dict[str, dict[str, str]] = {}
    rows: dict[str, Sequence[Mapping[str, Json]]] = {}
    for name, store in each_store(settings, host, engine) if host is not None else ():
        from aivp.views.images_text import how_much

        found = store.ask("images")["downloads"]
        rows[name] = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
        states[name] = {str(item.get("name")): how_much(item) for item in rows[name]}
    if settings.is_json:
        from aivp.views.json_lines import line

        for entry in entries:
            there: list[Json] = [
                {"host": name, "size": item.get("size"), "is_whole": item.get("is_whole")}
                for name, found in rows.items()
                for item in found
                if item.get("name") == entry.file
            ]
            click.echo(line("image-entry", {**_told(entry), "downloads": there}))
        return
    from aivp.views.images_text import render_entries

    text = render_entries(entries, states, width=settings.width, color=settings.color)
    click.echo(text, color=settings.color)


@catalogue_command.command("add")
@click.argument("name")
@click.argument("place", metavar="URL|FILE")
@click.option("--sha256", metavar="DIGEST", help="What its makers publish.")
@click.option("--sha512", metavar="DIGEST", help="The same.")
@click.option(
    "--format", "disk_format", type=click.Choice(["qcow2", "raw"]), help="What it is.  [default: what it looks like]"
)
@project_options
def add_command(
    settings: Settings, name: str, place: str, sha256: str | None, sha512: str | None, disk_format: str | None
) -> None:
    """Write an entry into the catalogue: an http(s) address or the path of a file on the host, and its digest."""
    from pathlib import Path

    from aivp.edit.images import add_entry
    from aivp.model.images import Entry, read_entry

    if (sha256 is None) == (sha512 is None):
        raise click.UsageError("Give either --sha256 or --sha512: what is not pinned cannot be checked.")
    key = "url" if "://" in place else "path"
    given = {key: place, "sha256": sha256, "sha512": sha512, "format": disk_format}
    entry = read_entry(name, {key: value for key, value in given.items() if value is not None})
    if not isinstance(entry, Entry):
        raise refusal("AIVP0670", f"{name} {entry}")
    file, is_included = add_entry(Path(settings.directory), settings.engine().project, entry)
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("image-entry", {**_told(entry), "file": file, "downloads": []}))
        return
    click.echo(f"{name} stands in {file}. An image takes it with source: ${{values.images.{name}}}")
    if not is_included:
        click.echo(f"Include that file in aivp.yaml: include: [{file}]")


@catalogue_command.command("pull")
@chosen
@on_hosts
@project_options
def pull_command(settings: Settings, names: tuple[str, ...], host: str | None) -> None:
    """Fetch entries, by default all, onto hosts, and check their digests; what broke off goes on.

    Exit code 1 where any could not be fetched.
    """
    engine = settings.engine()
    entries = [entry for entry in _chosen(engine, names) if entry.is_remote]
    failures: list[Diagnostic] = []
    for where, store in each_store(settings, host, engine):
        for entry in entries:
            try:
                with told(settings, where) as tell:
                    (item,) = store.items("pull", tell, url=entry.place, algorithm=entry.algorithm, digest=entry.digest)
            except Refused as refused:
                failures += [
                    Diagnostic("AIVP0672", f"{entry.name}: {one.why}", one.mend) for one in refused.diagnostics
                ]
                if any(one.code != "AIVP0675" for one in refused.diagnostics):
                    break
                continue
            _say(settings, where, entry.name, "there" if item.get("was_there") is True else "fetched", item)
    if failures:
        raise Refused(failures)


@catalogue_command.command("verify")
@chosen
@on_hosts
@project_options
def verify_command(settings: Settings, names: tuple[str, ...], host: str | None) -> None:
    """Read what was fetched in full and check it; without NAMES also every image of the store.

    A damaged download is removed, and fetched again when it is needed. Exit code 1 where anything is damaged.
    """
    engine = settings.engine()
    known = {entry.file: entry.name for entry in _chosen(engine, names)}
    damaged: list[Diagnostic] = []
    for where, store in each_store(settings, host, engine):
        with told(settings, where) as tell:
            items = store.items("verify", tell, **({"names": sorted(known)} if names else {}))
        for item in items:
            file, why = str(item.get("name", "")), str(item.get("why", ""))
            name = known.get(file, file[:19] if item.get("kind") == "download" else f"image {file[:12]}")
            if why:
                damaged.append(Diagnostic("AIVP0673", f"{where}: {name}: {why}.", _mend(item)))
            else:
                _say(settings, where, name, "right", item)
    if damaged:
        print_diagnostics(damaged, settings)
        raise click.exceptions.Exit(1)


@catalogue_command.command("prune")
@on_hosts
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def prune_command(settings: Settings, host: str | None, yes: bool) -> None:
    """Remove what was fetched and no entry of this catalogue names. Images that were made of it stay."""
    from aivp.cli.asking import ask

    engine = settings.engine()
    entries = _entries(engine)
    ask(settings, yes, "Remove what was fetched and is not in this project's catalogue?")
    for where, store in each_store(settings, host, engine):
        for item in store.items("prune_downloads", keep=sorted(entry.file for entry in entries.values())):
            _say(settings, where, str(item.get("name", ""))[:19], "removed", item)


def _entries(engine: Engine) -> dict[str, Entry]:
    from aivp.edit.images import read_catalogue

    return read_catalogue(engine.project)


def _chosen(engine: Engine, names: Sequence[str]) -> list[Entry]:
    from aivp.plugins.suggestion import did_you_mean, listing

    entries = _entries(engine)
    for name in names:
        if name not in entries:
            mend = did_you_mean(name, entries) or (f"It has: {listing(entries)}." if entries else "It is empty.")
            raise refusal("AIVP0671", f"There is no image {name[:80]} in the catalogue.", mend)
    return [entries[name] for name in names] or list(entries.values())


def _say(settings: Settings, host: str, name: str, did: str, item: Mapping[str, Json]) -> None:
    from aivp.views.escape import line as escaped
    from aivp.views.measure import size

    taken = item.get("size")
    if settings.is_json:
        from aivp.views.json_lines import line

        found = taken if type(taken) is int else None
        click.echo(line("image-work", {"host": host, "did": did, "name": name, "size": found, "why": ""}))
        return
    said = {"there": "was fetched already", "right": "is as it was"}.get(did, did)
    click.echo(escaped(f"{host}: {name} {said}{f', {size(taken)}' if type(taken) is int else ''}"))


def _told(entry: Entry) -> dict[str, Json]:
    digest = f"{entry.algorithm}:{entry.digest}"
    return {"name": entry.name, "place": entry.place, "digest": digest, "format": entry.format}


def _mend(item: Mapping[str, Json]) -> str:
    if item.get("kind") == "download":
        return "It was removed. Fetch it again: aivp image catalogue pull"
    return "The next apply makes it again. Find out what changes files there."
