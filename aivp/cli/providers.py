"""providers list, show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp_contract.manifest import Kind


@click.group()
def providers_command() -> None:
    """Installed providers and the kinds that they serve."""


@providers_command.command("list")
@project_options
def list_command(settings: Settings) -> None:
    """One line per kind."""
    from aivp.views import escape

    registry = settings.engine().registry
    for name, kind in registry.kinds.items():
        version = registry.providers[kind.provider].manifest.version
        if settings.is_json:
            _say(kind, version)
            continue
        summary, _, _ = kind.description.partition("\n")
        click.echo(escape.line(f"{name:<20} {kind.provider} {version:<10} {summary}"))


@providers_command.command("show")
@click.argument("kind")
@project_options
def show_command(settings: Settings, kind: str) -> None:
    """The attributes of one kind."""
    registry = settings.engine().registry
    found = registry.kind(kind)
    if found is None:
        from aivp.plugins.suggestion import did_you_mean, listing

        raise refusal(
            "AIVP0906",
            f"There is no kind {kind}.",
            did_you_mean(kind, registry.kinds) or f"Known kinds: {listing(registry.kinds, 30)}.",
        )
    if settings.is_json:
        _say(found, registry.providers[found.provider].manifest.version)
        return
    from aivp.views import escape

    click.echo(escape.block(f"{found.name}: {found.description}\n"))
    for name, schema in found.schema["properties"].items():
        needed = " (required)" if name in found.schema.get("required", ()) else ""
        computed = " (computed)" if found.fields[name].computed else ""
        click.echo(escape.block(f"  {name}{needed}{computed}\n      {schema.get('description', '')}"))


def _say(kind: Kind, version: str) -> None:
    from aivp.views.json_lines import kind_line

    click.echo(kind_line(kind, version))
