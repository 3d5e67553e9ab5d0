"""How a check ends early: the provider broke a rule, or there is nothing to check it by."""

from __future__ import annotations

import json
from typing import Any


class Broken(Exception):
    """The provider broke `rule`, the name of the check that it belongs to. `shown`: the message or thing that
    shows it.
    """

    def __init__(self, rule: str, text: str, shown: Any = None) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
        self.shown = "" if shown is None else short(shown)


class NotChecked(Exception):
    """What is missing for the check, as a reason for people."""


def short(value: Any, length: int = 500) -> str:
    """A value as one line of text, its middle left out where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=repr)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= length else f"{text[: length - 100]} … {text[-90:]}"
