"""The explanation of a diagnostic code, from what came with aivp: no project, no host, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.cli.settings import Settings


def code_of(what: str) -> str | None:
    """The code that `what` means, whether or not it is in the catalogue; None for a variable or an address."""
    from aivp.diagnostics.explanation import normal

    return normal(what)


def explain_code(settings: Settings, code: str) -> None:
    """Print it. Raises Refused (AIVP0913)."""
    from aivp.diagnostics.catalogue import RETIRED, SUMMARIES

    if code in RETIRED:
        raise refusal("AIVP0913", f"{code} is not said any more: {RETIRED[code]}.")
    if code not in SUMMARIES:
        from aivp.plugins.suggestion import nearest

        near = nearest(code, SUMMARIES, 4)
        mend = f"Did you mean {', '.join(f'{item} ({SUMMARIES[item]})' for item in near)}?" if near else ""
        raise refusal("AIVP0913", f"There is no diagnostic {code[:40]}.", mend)
    from aivp.diagnostics.explanation import explain

    if settings.is_json:
        from aivp.views.json_lines import code_line

        click.echo(code_line(explain(code)))
        return
    from aivp.views.code_text import render_explanation

    click.echo(render_explanation(explain(code), color=settings.color, width=settings.width), color=settings.color)
