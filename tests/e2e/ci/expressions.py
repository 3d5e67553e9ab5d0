"""`${{ … }}` of a workflow → a value. As much of GitHub's language as the examples use; anything else is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w-]*(?:\.[\w-]+)*)|(&&|\|\||==|!=|!|\(|\))|(\d+))")
_STATUS = frozenset({"always", "success", "failure", "cancelled"})


def fill(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with every expression in it replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(evaluate(found[1], contexts)), text)


def holds(condition: str | None, contexts: Mapping[str, Any], is_going_well: bool) -> bool:
    """An `if`: without a word about the status it means only where nothing has failed."""
    if condition is None:
        return is_going_well
    condition = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", condition)
    names = {name for _, name, _, _ in _TOKEN.findall(condition)}
    return (is_going_well or bool(names & _STATUS)) and bool(evaluate(condition, contexts))


def evaluate(text: str, contexts: Mapping[str, Any]) -> Any:
    """The value of one expression. What a context does not have is empty."""
    return _Reader(text, contexts).whole()


class _Reader:
    def __init__(self, text: str, contexts: Mapping[str, Any]) -> None:
        self.contexts = contexts
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            assert found, f"not understood: {text[at:]!r}"
            kind = ("text", "name", "sign", "number")[found.lastindex - 1]
            self.tokens.append((kind, found[found.lastindex]))
            at = found.end()

    def whole(self) -> Any:
        value = self.either()
        assert not self.tokens, f"not understood: {self.tokens}"
        return value

    def either(self) -> Any:
        value = self.both()
        while self.sees("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.sees("&&"):
            other = self.comparison()
            value = value and other
        return value

    def comparison(self) -> Any:
        value = self.single()
        if self.sees("=="):
            return _text(value) == _text(self.single())
        if self.sees("!="):
            return _text(value) != _text(self.single())
        return value

    def single(self) -> Any:
        if self.sees("!"):
            return not self.single()
        if self.sees("("):
            value = self.either()
            assert self.sees(")")
            return value
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        assert kind in ("name", "number"), text
        return int(text) if kind == "number" else self.named(text)

    def named(self, text: str) -> Any:
        value: Any = self.contexts
        first, *rest = text.split(".")
        assert first in value, f"there is no context {first}"
        value = value[first]
        for name in rest:
            value = value.get(name, "") if isinstance(value, Mapping) else ""
        return value

    def sees(self, sign: str) -> bool:
        is_next = bool(self.tokens) and self.tokens[0] == ("sign", sign)
        if is_next:
            self.tokens.pop(0)
        return is_next


def _text(value: Any) -> str:
    return {True: "true", False: "false", None: ""}.get(value) if isinstance(value, bool | None) else str(value)
