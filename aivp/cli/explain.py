"""explain: where a value comes from, where a resource is declared, or why it is not."""

from __future__ import annotations

from collections.abc import Mapping

import click
from aivp_contract import canonical

from aivp.cli.settings import Settings, project_options
from aivp.compile import Compiled
from aivp.config.project import Variable
from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.suggestion import did_you_mean


@click.command()
@click.argument("what", metavar="var.NAME|ADDRESS")
@project_options
def explain_command(settings: Settings, what: str) -> None:
    """Say where the value of a variable comes from (the last line wins), or where a resource is declared, or why it is
    not. An address may leave out key and host.
    """
    engine = settings.engine()
    if what.startswith("var.") or "." not in what:
        _explain_variable(what, engine.project.variables)
    else:
        _explain_resource(what, engine.compiled)


def _explain_resource(what: str, compiled: Compiled) -> None:
    places = {address: f"declared at {compiled.sources.span(address)}" for address in compiled.ir.resources}
    places |= {address: f"not declared: {why}" for address, why in compiled.left_out.items()}
    found = [address for address in sorted(places) if address == what or address.startswith((f"{what}[", f"{what}@"))]
    if not found:
        mend = did_you_mean(what, {*places, *(address.split("@")[0].split("[")[0] for address in places)})
        raise refusal("AIVP0408", f"{what} is not declared here.", mend or "aivp compile lists every resource.")
    for address in found:
        click.echo(f"{address}  {places[address]}")
        resource = compiled.ir.resources.get(address)
        if resource is not None and resource.when is not None:
            click.echo(f"  facts decide: {canonical.encode(resource.when).decode()}")


def _explain_variable(what: str, variables: Mapping[str, Variable]) -> None:
    name = what.removeprefix("var.")
    if name not in variables:
        known = ", ".join(f"var.{item}" for item in sorted(variables)) or "none"
        mend = did_you_mean(name, variables) or f"Declared are: {known}."
        raise refusal("AIVP0905", f"{what} is not declared.", mend)
    variable = variables[name]
    click.echo(f"var.{name} = {canonical.encode(variable.value).decode()}")
    for item in variable.history:
        place = f"  ({item.span})" if item.span else ""
        click.echo(f"  {item.origin}: {canonical.encode(item.value).decode()}{place}")
