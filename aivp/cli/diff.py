"""diff: whether two plans would do the same, and what they would do differently."""

from __future__ import annotations

import click

from aivp.cli.settings import Settings, project_options
from aivp.cli.show import check_form, format_option, read


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@format_option
@project_options
def diff_command(settings: Settings, before: str, after: str, form: str) -> None:
    """Compare two plan files, or bundles, by what they would do. Needs no project and no host.

    Order, batches and wording do not count. Exit 0 where both would do the same, 2 where not.
    """
    from aivp.plan.compare import compare

    check_form(settings, form)
    plans = read(before), read(after)
    found = compare(*plans)
    if settings.is_json:
        from aivp.views.json_lines import difference_lines

        for text in difference_lines(found, *plans):
            click.echo(text)
    elif form == "markdown":
        from aivp.views.difference_markdown import render_difference as render_markdown

        click.echo(render_markdown(found, (before, after), f"{plans[1].project}/{plans[1].environment}"))
    else:
        from aivp.views.difference_text import render_difference

        text = render_difference(
            found, (before, after), width=settings.width, color=settings.color, verbose=settings.is_verbose
        )
        click.echo(text, color=settings.color)
    if not found.is_same:
        raise click.exceptions.Exit(2)
