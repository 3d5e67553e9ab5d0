"""image list, image prune: what lies in the stores of images on hosts. Below it, image catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from aivp.cli.image_catalogue import catalogue_command, verify_command
from aivp.cli.settings import Settings, project_options
from aivp.cli.storing import each_store, told

if TYPE_CHECKING:
    from aivp_contract.values import Json

on_hosts = click.option(
    "--host", metavar="HOSTS", help="Names or groups.  [default: the hosts with images, or the only one]"
)


@click.group()
def image_command() -> None:
    """Images of VMs on hosts, and the catalogue of those that come from elsewhere."""


@image_command.command("list")
@on_hosts
@project_options
def list_command(settings: Settings, host: str | None) -> None:
    """The images in each host's store: declared as what, used by whom, and how large. Changes nothing."""
    for name, store in each_store(settings, host):
        images = store.items("images")
        if settings.is_json:
            from aivp.views.json_lines import line

            for item in images:
                click.echo(line("image", {"host": name, **item}))
            continue
        from aivp.views.images_text import render_images

        click.echo(render_images(name, images, width=settings.width, color=settings.color), color=settings.color)


@image_command.command("prune")
@on_hosts
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def prune_command(settings: Settings, host: str | None, yes: bool) -> None:
    """Remove images that no declaration has and nothing uses. A backing file of a disk always stays."""
    from aivp.cli.asking import ask

    ask(settings, yes, "Remove every image that no declaration has and that nothing uses?")
    for name, store in each_store(settings, host):
        with told(settings, name) as tell:
            items = store.items("prune", tell)
        for item in items:
            _say_pruned(settings, name, item)
        if not items and not settings.is_json:
            click.echo(f"{name}: no images")


def _say_pruned(settings: Settings, host: str, item: Mapping[str, Json]) -> None:
    from aivp.views.escape import line as escaped
    from aivp.views.measure import size

    digest, why, taken = str(item.get("digest", "")), str(item.get("why", "")), item.get("size")
    if settings.is_json:
        from aivp.views.json_lines import line

        did = "kept" if why else "removed"
        click.echo(line("image-work", {"host": host, "did": did, "name": digest, "size": taken, "why": why}))
        return
    ended = f"stays: {why}" if why else f"removed, {size(taken if type(taken) is int else 0)}"
    click.echo(escaped(f"{host}: {digest[:12]} {ended}"))


image_command.add_command(verify_command)
image_command.add_command(catalogue_command)
