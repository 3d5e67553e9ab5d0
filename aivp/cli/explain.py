"""explain: where a value comes from."""

from __future__ import annotations

import click

from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

_MOST = 1_000_000
"""Characters of a value: explaining it means showing it whole."""


@click.command()
@click.argument("what", metavar="var.NAME")
@project_options
def explain_command(settings: Settings, what: str) -> None:
    """Say where the value of a variable comes from; the last line wins."""
    name = what.removeprefix("var.")
    variables = settings.engine().project.variables
    if name not in variables:
        known = ", ".join(f"var.{item}" for item in sorted(variables)) or "none"
        raise refusal("AIVP0905", f"{what} is not declared.", f"Declared are: {known}.")
    variable = variables[name]
    if settings.is_json:
        from aivp.views.json_lines import variable_line

        click.echo(variable_line(name, variable))
        return
    from aivp_contract import canonical

    from aivp.views.escape import line

    click.echo(line(f"var.{name} = {canonical.encode(variable.value).decode()}", _MOST))
    for item in variable.history:
        place = f"  ({item.span})" if item.span else ""
        click.echo(line(f"  {item.origin}: {canonical.encode(item.value).decode()}{place}", _MOST))
