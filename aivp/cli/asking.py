"""A question that a person answers before something is changed."""

from __future__ import annotations

import sys

import click

from aivp.cli.settings import Settings
from aivp.diagnostics.diagnostic import refusal


def ask(settings: Settings, yes: bool, question: str) -> None:
    """Go on only after a yes. Raises Refused where that is not given, or nobody is there to give it."""
    if yes:
        return
    if settings.is_json or not sys.stdin.isatty():
        raise refusal("AIVP0901", "Nobody is there to be asked.", "Say -y.")
    if not click.confirm(question):
        raise refusal("AIVP0904", "Nothing was changed.")
