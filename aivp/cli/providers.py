"""providers list, show, new, test, pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.settings import PLAIN, plain
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from pathlib import Path

    from aivp_contract.manifest import Kind

    from aivp.plugins.registry import Provider

DOCUMENT = "docs/guides/write-a-provider.md"


as_json = click.option("--json", "is_json", is_flag=True, help="One JSON object a line.")


@click.group()
def providers_command() -> None:
    """Installed providers and their kinds; beginning and testing one of your own."""


@providers_command.command("list")
@as_json
@plain
def list_command(is_json: bool) -> int:
    """Providers, where they come from, and their kinds. Ends with 1 where one is broken."""
    from dataclasses import replace

    from aivp.cli.failure import print_diagnostics
    from aivp.plugins import Registry
    from aivp.views import escape

    found, diagnostics = Registry.survey()
    for place, provider in found:
        version = provider.manifest.version
        if not is_json:
            click.echo(escape.line(f"{provider.name} {version}  ({place})"))
        for name, kind in provider.manifest.kinds.items():
            if is_json:
                _say(kind, version)
            else:
                click.echo(escape.line(f"    {name:<20} {(kind.description.splitlines() or [''])[0]}"))
    if diagnostics.items:
        print_diagnostics(diagnostics.items, replace(PLAIN, is_json=is_json))
    return 1 if diagnostics.has_errors else 0


@providers_command.command("show")
@click.argument("name", metavar="PROVIDER|KIND")
@as_json
@plain
def show_command(name: str, is_json: bool) -> None:
    """A provider with its kinds, or the fields of one kind."""
    from aivp.cli.provider_text import kind_text, provider_text
    from aivp.plugins import Registry
    from aivp.plugins.suggestion import did_you_mean, listing
    from aivp.views import escape

    found, _ = Registry.survey()
    kinds = {kind.name: kind for _, provider in found for kind in provider.manifest.kinds.values()}
    owners = {provider.name: (place, provider) for place, provider in found}
    if is_json and (name in kinds or name in owners):
        shown = [kinds[name]] if name in kinds else owners[name][1].manifest.kinds.values()
        for kind in shown:
            _say(kind, owners[kind.provider][1].manifest.version)
    elif name in kinds:
        click.echo(escape.block(kind_text(kinds[name])))
    elif name in owners:
        click.echo(escape.block(provider_text(*owners[name])))
    else:
        known = [*owners, *kinds]
        mend = did_you_mean(name, known) or f"Known kinds: {listing(kinds, 30)}."
        raise refusal("AIVP0906", f"There is no kind and no provider {name}.", mend)


@providers_command.command("new")
@click.argument("name")
@click.option("--kind", default="note", show_default=True, help="Its first kind, which becomes NAME/KIND.")
@click.option("-o", "folder", metavar="FOLDER", help="Where to.  [default: ./aivp-provider-NAME]")
@plain
def new_command(name: str, kind: str, folder: str | None) -> None:
    """Begin a provider in Python: a package that works, with tests, cases for the kit, and a CI file."""
    from pathlib import Path

    from aivp.plugins.scaffold import package_of, scaffold

    place = Path(folder or f"aivp-provider-{name}")
    for path in scaffold(name, kind, place):
        click.echo(f"  {place / path}")
    click.echo(f"\nThe provider {name} with the kind {name}/{kind}. Next:\n")
    click.echo(f"  cd {place} && python -m pytest && aivp providers test .\n")
    click.echo(f"Its code is {package_of(name)}/provider.py; {DOCUMENT} takes it from there.")


@providers_command.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[FOLDER|NAME] [OPTIONS OF THE KIT] [-- CMD]", nargs=-1, type=click.UNPROCESSED)
@plain
def test_command(words: tuple[str, ...]) -> int:
    """Hold a provider to the protocol with the conformance kit.

    FOLDER is that of a manifest.json, or of one Python package with it; NAME is an installed provider; CMD starts the
    program, with FOLDER beside its manifest. Python packages are tested as hosts get them. The kit's options: see
    `aivp-conformance --help`.
    """
    from aivp.hosts.bundle import bundle
    from aivp.hosts.trial import examine, run_kit

    if not words or words[0].startswith("-"):
        return run_kit(words if words and words[0] == "--list" else [".", *words])
    provider, options = _provider(words[0]), words[1:]
    if "--" in options or provider.folder is None:
        return run_kit(words)
    return examine(bundle(provider), _cases(provider, words[0]), options)


@providers_command.command("pack")
@click.argument("name", metavar="FOLDER|NAME")
@click.option("-o", "folder", metavar="FOLDER", required=True, help="Where to; it must not be there, or be empty.")
@plain
def pack_command(name: str, folder: str) -> None:
    """Make a plain folder of a provider, with the SDK in it: for AIVP_PROVIDERS, without any installer."""
    from pathlib import Path

    from aivp.hosts.bundle import bundle
    from aivp.hosts.trial import unpack

    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise refusal("AIVP0921", f"{place} is there already, and not empty.", "Choose another folder: -o FOLDER.")
    packed = bundle(_provider(name))
    unpack(packed, place)
    click.echo(f"Packed {packed.name} into {place}: {len(packed.entries)} files.")


def _say(kind: Kind, version: str) -> None:
    from aivp.views.json_lines import kind_line

    click.echo(kind_line(kind, version))


def _provider(word: str) -> Provider:
    """By folder, or by the name of an installed one. Raises Refused."""
    from pathlib import Path

    from aivp.plugins import Registry
    from aivp.plugins.suggestion import did_you_mean, listing

    if "/" in word or word in (".", "..") or Path(word).is_dir():
        return Registry.at(Path(word).resolve())
    found = {provider.name: provider for _, provider in Registry.survey()[0]}
    if word in found:
        return found[word]
    mend = did_you_mean(word, found) or f"Known providers: {listing(found)}. A folder is named by its path."
    raise refusal("AIVP0923", f"There is no provider {word}.", mend)


def _cases(provider: Provider, word: str) -> Path | None:
    """The case file: beside the manifest, or in the folder that was named."""
    from pathlib import Path

    assert provider.folder is not None
    places = (provider.folder, Path(word), provider.folder.parent)
    return next(
        (place.resolve() / "conformance.json" for place in places if (place / "conformance.json").is_file()), None
    )
