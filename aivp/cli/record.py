"""hosts record: from a program or a static inventory to a file that a project includes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.output import read_bytes, write_bytes
from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.cli.settings import Settings
    from aivp.edit.inventory.recorded import Recorded


@dataclass(frozen=True)
class Inventory:
    """A document and what it holds; `left`: warnings about what it does not."""

    body: bytes
    hosts: int
    groups: int
    left: list[Diagnostic]


def record(settings: Settings, argv: tuple[str, ...], inventory: str | None, timeout: int) -> Inventory:
    """Raises Refused."""
    from aivp.edit.inventory.document import document

    diagnostics = Diagnostics()
    found = _listed(settings, argv, timeout, diagnostics) if inventory is None else _static(inventory, diagnostics)
    diagnostics.refuse()
    body = document(found, diagnostics)
    diagnostics.refuse()
    return Inventory(body, len(found.hosts), len(found.groups), found.left)


def write(settings: Settings, found: Inventory, output: str | None) -> None:
    """To a file that is new or was recorded, or to standard output. Raises Refused."""
    from aivp.edit.inventory.document import is_recorded

    if output is not None and os.path.lexists(output) and not is_recorded(read_bytes(output)):
        why = f"{output} exists and was not written by aivp hosts record."
        raise refusal("AIVP0629", why, "Name another file, or move it away.")
    if output is not None or not settings.is_json:
        write_bytes(found.body, output)
    if settings.is_json:
        from aivp_contract import canonical

        from aivp.views.json_lines import line

        where = {"content": found.body.decode()} if output is None else {"file": output}
        digest = canonical.digest_bytes(found.body)
        click.echo(line("recorded", {"hosts": found.hosts, "groups": found.groups, "digest": digest, **where}))
    if found.left:
        print_diagnostics(found.left, settings)
    if not settings.is_json:
        hosts = f"{found.hosts:,} host{'' if found.hosts == 1 else 's'}"
        groups = f"{found.groups:,} group{'' if found.groups == 1 else 's'}"
        click.echo(f"{hosts} and {groups} recorded{f' in {output}' if output else ''}.", err=True)


def _listed(settings: Settings, argv: tuple[str, ...], timeout: int, diagnostics: Diagnostics) -> Recorded:
    from aivp.edit.inventory.ours import is_ours, read_ours
    from aivp.edit.inventory.recorded import record as record_tree
    from aivp.edit.inventory.sources import structure
    from aivp.edit.inventory.structures import read_listing
    from aivp.edit.inventory.tree import Tree
    from aivp.hosts.program import output

    name = os.path.basename(argv[0])
    value = structure(output(argv, Path(settings.directory), timeout), name)
    if is_ours(value):
        return read_ours(value, name, diagnostics)
    if not isinstance(value, dict):
        raise refusal("AIVP0231", f"{name} printed no inventory: neither groups, as for --list, nor hosts of aivp.")
    tree = Tree()
    is_whole = read_listing(value, name, tree)
    found = record_tree(tree, diagnostics)
    if not is_whole and tree.hosts:
        why = f"{name} answers without _meta.hostvars, so nothing is known of single hosts."
        found.left.insert(0, Diagnostic("AIVP0620", why, "Was --list forgotten?", severity="warning"))
    return found


def _static(inventory: str, diagnostics: Diagnostics) -> Recorded:
    from aivp.edit.inventory.recorded import record as record_tree
    from aivp.edit.inventory.sources import read_static

    tree, sealed = read_static(Path(inventory), inventory)
    found = record_tree(tree, diagnostics)
    found.left[:0] = sealed
    return found
