"""Printing a plan, for people or machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aivp.cli.settings import Settings

if TYPE_CHECKING:
    from aivp.plan.steps import Plan

F = TypeVar("F", bound=Callable[..., Any])


def format_option(function: F) -> F:
    """`--format`: on what the plan is read."""
    choice = click.Choice(["text", "markdown", "html"])
    text = "Text for a terminal, Markdown for a comment on a pull request, or one HTML page."
    return click.option("--format", "form", type=choice, default="text", help=f"{text}  [default: text]")(function)


def check_form(settings: Settings, form: str) -> None:
    """Before anything is asked. Raises UsageError."""
    if settings.is_json and form != "text":
        raise click.UsageError(f"--json and --format {form} exclude each other.")


def show_plan(
    plan: Plan,
    settings: Settings,
    output: str | None,
    bundle: str | None = None,
    *,
    form: str = "text",
    is_whole: bool = True,
    to: str | None = None,
) -> None:
    """The plan on standard output, and what can be done with it. `to`: the file that takes what is shown instead."""
    if form != "text":
        from aivp.cli.output import write_bytes

        write_bytes(_in_form(plan, form).encode(), to)
        return
    if settings.is_json:
        from aivp.views.json_lines import artifact_line, plan_lines

        for text in plan_lines(plan, is_whole=is_whole):
            click.echo(text)
        if output is not None:
            click.echo(artifact_line("plan", plan.encode(), output))
        if bundle is not None:
            click.echo(artifact_line("bundle", plan.encode(), bundle))
        return
    from aivp_contract import canonical

    from aivp.views.plan_text import render_plan

    digest = canonical.digest_bytes(plan.encode()) if output is not None or bundle is not None else None
    text = render_plan(plan, width=settings.width, color=settings.color, verbose=settings.is_verbose, digest=digest)
    settings.screen.say(text, color=settings.color)


def say_next(lines: Sequence[str], settings: Settings) -> None:
    """What to do next, below a plan."""
    if lines and not settings.is_json:
        settings.screen.say("\n" + "\n".join(lines))


def _in_form(plan: Plan, form: str) -> str:
    from aivp_contract import canonical

    digest = canonical.digest_bytes(plan.encode())
    if form == "html":
        from aivp.views.html_plan import plan_html

        return plan_html(plan, digest)
    from aivp.views.markdown import render_plan

    return render_plan(plan, digest)


def read(file: str) -> Plan:
    """The plan of a file. Raises Refused (AIVP0505) for anything else."""
    from aivp.cli.output import read_plan_file
    from aivp.plan.steps import UNREADABLE, read_plan

    body, _ = read_plan_file(file)
    try:
        plan = read_plan(body)
        plan.encode()  # what has no canonical form is no plan, and has no digest
    except UNREADABLE:
        from aivp.cli.seeming import not_a_plan

        raise not_a_plan(file, body) from None
    return plan
