"""explain: what a diagnostic means, where a value comes from, where a resource is declared, or why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivp_contract.values import Json

    from aivp.compile import Compiled
    from aivp.config.project import Variable

_MOST = 1_000_000
"""Characters of a value: explaining it means showing it whole."""


@click.command()
@click.argument("what", metavar="CODE|var.NAME|ADDRESS")
@project_options
def explain_command(settings: Settings, what: str) -> None:
    """Say what a diagnostic (AIVP0203) means and how it is mended, or where the value of a variable comes from (the
    last line wins), or where a resource is declared, or why it is not. An address may leave out key and host.
    """
    from aivp.cli.explain_code import code_of, explain_code

    if (code := code_of(what)) is not None:
        explain_code(settings, code)
        return
    engine = settings.engine()
    if what.startswith("var.") or "." not in what:
        _explain_variable(settings, what, engine.project.variables)
    else:
        _explain_resource(settings, what, engine.compiled)


def _explain_resource(settings: Settings, what: str, compiled: Compiled) -> None:
    known = sorted({*compiled.ir.resources, *compiled.left_out})
    found = [address for address in known if address == what or address.startswith((f"{what}[", f"{what}@"))]
    if not found:
        from aivp.plugins.suggestion import did_you_mean

        mend = did_you_mean(what, {*known, *(address.split("@")[0].split("[")[0] for address in known)})
        raise refusal("AIVP0408", f"{what} is not declared here.", mend or "aivp compile lists every resource.")
    for address in found:
        resource = compiled.ir.resources.get(address)
        when = None if resource is None else resource.when
        span, why = compiled.sources.span(address), compiled.left_out.get(address)
        if settings.is_json:
            from aivp.views.json_lines import declaration_line

            click.echo(declaration_line(address, span if why is None else None, why, when))
            continue
        click.echo(f"{address}  " + (f"declared at {span}" if why is None else f"not declared: {why}"))
        if when is not None:
            click.echo(f"  facts decide: {_shown(when)}")


def _explain_variable(settings: Settings, what: str, variables: Mapping[str, Variable]) -> None:
    name = what.removeprefix("var.")
    if name not in variables:
        from aivp.plugins.suggestion import did_you_mean

        known = ", ".join(f"var.{item}" for item in sorted(variables)) or "none"
        mend = did_you_mean(name, variables) or f"Declared are: {known}."
        raise refusal("AIVP0905", f"{what} is not declared.", mend)
    variable = variables[name]
    if settings.is_json:
        from aivp.views.json_lines import variable_line

        click.echo(variable_line(name, variable))
        return
    click.echo(f"var.{name} = {_shown(variable.value)}")
    for item in variable.history:
        place = f"  ({item.span})" if item.span else ""
        click.echo(f"  {item.origin}: {_shown(item.value)}{place}")


def _shown(value: Json) -> str:
    from aivp_contract import canonical

    from aivp.views.escape import line

    return line(canonical.encode(value).decode(), _MOST)
