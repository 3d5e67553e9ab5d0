"""validate, compile, graph: what a pull request from a stranger may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.output import write_artifact
from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.model.resource import IR
    from aivp.plan.steps import Plan
    from aivp.views.graph_picture import Picture


@click.command()
@project_options
def validate_command(settings: Settings) -> None:
    """Check the project. Starts nothing but `cue` and the template child; needs no host and no credentials."""
    engine = settings.engine()
    ir = engine.ir
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("valid", {"resources": len(ir.resources), "hosts": len(ir.hosts)}))
        return
    resources, hosts = _counted(len(ir.resources), "resource"), _counted(len(ir.hosts), "host")
    click.echo(f"{ir.project}/{ir.environment} is valid: {resources} on {hosts}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@click.command()
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@project_options
def compile_command(settings: Settings, output: str | None) -> None:
    """Write the compiled program (IR) as canonical JSON."""
    write_artifact("ir", settings.engine().ir.encode(), settings, output)


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "dot", "svg", "mermaid", "html"]),
    help="[default: dot; json with --json]",
)
@click.option("--plan", "plan_file", metavar="FILE", help="Mark what this plan changes (svg, mermaid, html).")
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@project_options
def graph_command(settings: Settings, form: str | None, plan_file: str | None, output: str | None) -> None:
    """Write the graph of resources: data for programs, or a picture for people.

    A picture of many resources is folded: what is alike shares a box. --verbose draws each by itself.
    """
    ir = settings.engine().ir
    form = form or ("json" if settings.is_json else "dot")
    if form not in _PICTURES:
        if plan_file is not None:
            raise click.UsageError(f"--plan marks pictures ({', '.join(_PICTURES)}), not {form}.")
        from aivp.views.graph_text import graph_dot, graph_json

        text = graph_dot(ir) if form == "dot" else graph_json(ir)
    else:
        from aivp.views.graph_picture import picture_of

        plan = None if plan_file is None else _plan_for(ir, plan_file)
        text = _drawn(form, picture_of(ir, plan), is_whole=settings.is_verbose)
    write_artifact("graph", text.encode(), settings, output)


_PICTURES = ("svg", "mermaid", "html")


def _plan_for(ir: IR, file: str) -> Plan:
    """The plan in `file`. Raises Refused where it is none, or one of another project or environment."""
    from aivp.cli.output import read_plan_file
    from aivp.plan.steps import UNREADABLE, read_plan

    body, _ = read_plan_file(file)
    try:
        plan = read_plan(body)
    except UNREADABLE:
        from aivp.cli.seeming import not_a_plan

        raise not_a_plan(file, body) from None
    if (plan.project, plan.environment) != (ir.project, ir.environment):
        why = f"{file} is a plan for {plan.project}/{plan.environment}, this is {ir.project}/{ir.environment}."
        raise refusal("AIVP0940", why, "Give a plan of this project and environment, or name them with -C and -e.")
    return plan


def _drawn(form: str, picture: Picture, *, is_whole: bool) -> str:
    """Unfolded where everything was asked for; Mermaid has limits of its own, which nobody can lift."""
    from aivp.views.graph_fold import MOST, folded

    if form == "mermaid":
        from aivp.views.graph_mermaid import graph_mermaid

        return graph_mermaid(picture, len(picture.boxes) if is_whole else MOST)
    drawn = picture if is_whole else folded(picture)
    if form == "svg":
        from aivp.views.graph_svg import graph_svg

        return graph_svg(drawn)
    from aivp.views.graph_html import graph_html

    return graph_html(drawn, picture)
