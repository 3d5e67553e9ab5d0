"""observe: record evidence, so that a plan can be derived where no host and no credential is."""

from __future__ import annotations

import click

from aivp.cli.output import write_artifact
from aivp.cli.overhearing import attending
from aivp.cli.plan import warn
from aivp.cli.settings import Settings, project_options


@click.command()
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@project_options
def observe_command(settings: Settings, output: str | None) -> None:
    """Record what the hosts look like now. Changes nothing anywhere."""
    from aivp.engine import asking

    engine = settings.engine()
    with engine.sessions() as sessions, attending(sessions, settings):
        evidence = asking.observe(engine, sessions)
    write_artifact("evidence", evidence.encode(), settings, output)
    warn(evidence, settings)
