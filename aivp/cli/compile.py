"""validate, compile, graph: what a pull request from a stranger may run."""

from __future__ import annotations

import click

from aivp.cli.output import write_artifact
from aivp.cli.settings import Settings, project_options


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
@click.option("--format", "form", type=click.Choice(["json", "dot"]), help="[default: dot; json with --json]")
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@project_options
def graph_command(settings: Settings, form: str | None, output: str | None) -> None:
    """Write the graph of resources."""
    from aivp.views.graph_text import graph_dot, graph_json

    ir = settings.engine().ir
    form = form or ("json" if settings.is_json else "dot")
    write_artifact("graph", (graph_dot(ir) if form == "dot" else graph_json(ir)).encode(), settings, output)
