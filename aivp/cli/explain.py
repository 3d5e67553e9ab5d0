"""explain: what a diagnostic means; where a value comes from; why a resource is there, why it changes, and what
would change if it did.
"""

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
    from aivp.engine import Engine
    from aivp.plan.steps import Plan

_MOST = 1_000_000
"""Characters of a value: explaining it means showing it whole."""


@click.command()
@click.argument("what", metavar="CODE|var.NAME|ADDRESS")
@click.option("--plan", "file", metavar="FILE", help="Say what this plan does with it.")
@click.option("--live", is_flag=True, help="Ask the hosts, and say what a plan would do with it.")
@project_options
def explain_command(settings: Settings, what: str, file: str | None, live: bool) -> None:
    """Say what a diagnostic (AIVP0203) means and how it is mended; where the value of a variable comes from (the
    last line wins); or why a resource is there, where its fields come from and what waits for it, or why it is not
    declared. An address may leave out key and host; where it then means several, -v explains each.
    """
    from aivp.cli.explain_code import code_of, explain_code

    if file is not None and live:
        raise click.UsageError("--plan and --live exclude each other.")
    if (code := code_of(what)) is not None:
        explain_code(settings, code)
        return
    engine = settings.engine()
    if what.startswith("var.") or "." not in what:
        _explain_variable(settings, what, engine.project.variables)
        return
    _explain_resource(settings, what, engine, _plan(engine, settings, file, live=live))


def _plan(engine: Engine, settings: Settings, file: str | None, *, live: bool) -> Plan | None:
    """The plan to look into. Raises Refused for one of another project."""
    if file is not None:
        from aivp.cli.show import read

        plan = read(file)
        if (plan.project, plan.environment) != (engine.ir.project, engine.ir.environment):
            why = f"{file} is a plan of {plan.project}/{plan.environment}, not of {engine.ir.project}/"
            raise refusal("AIVP0940", f"{why}{engine.ir.environment}.", "Name its project with -C, and -e.")
        return plan
    if not live:
        return None
    from aivp.cli.plan import evidence
    from aivp.plan.options import Options

    with evidence(engine, settings) as found:
        return engine.plan(found, Options())


def _explain_resource(settings: Settings, what: str, engine: Engine, plan: Plan | None) -> None:
    from aivp.explain.explain import explain

    compiled = engine.compiled
    found = _addresses(what, compiled, plan)
    if len(found) > 1 and not settings.is_verbose:
        _list(settings, found, compiled)
        return
    for number, address in enumerate(found):
        item = explain(address, engine.project, compiled, engine.graph, plan)
        if settings.is_json:
            from aivp.views.explanation_json import explanation_lines

            for text in explanation_lines(item):
                click.echo(text)
            continue
        from aivp.views.explanation_text import render_explanation

        how = render_explanation(item, width=settings.width, color=settings.color, verbose=settings.is_verbose)
        click.echo(f"\n{how}" if number else how, color=settings.color)


def _addresses(what: str, compiled: Compiled, plan: Plan | None) -> list[str]:
    """The addresses that are meant, sorted. Raises Refused where there is none."""
    planned = [step.address for step in plan.steps] if plan is not None else []
    known = sorted({*compiled.ir.resources, *compiled.left_out, *planned})
    found = [address for address in known if address == what or address.startswith((f"{what}[", f"{what}@"))]
    if found:
        return [what] if what in found else found
    from aivp.plugins.suggestion import did_you_mean

    mend = did_you_mean(what, {*known, *(address.split("@")[0].split("[")[0] for address in known)})
    raise refusal("AIVP0408", f"{what} is not declared here.", mend or "aivp compile lists every resource.")


def _list(settings: Settings, addresses: list[str], compiled: Compiled) -> None:
    """A line for each of several: where it is declared, or why it is not."""
    for address in addresses:
        resource = compiled.ir.resources.get(address)
        when = None if resource is None else resource.when
        span, why = compiled.sources.span(address), compiled.left_out.get(address)
        if span is None and why is None:
            why = "nothing declares it any more"
        if settings.is_json:
            from aivp.views.json_lines import declaration_line

            click.echo(declaration_line(address, span if why is None else None, why, when))
            continue
        click.echo(f"{address}  " + (f"declared at {span}" if why is None else f"not declared: {why}"))
        if when is not None:
            click.echo(f"  facts decide: {_shown(when)}")
    if not settings.is_json:
        click.echo(f"\nThese are {len(addresses)}. Name one to see why it is there, or add -v.")


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
