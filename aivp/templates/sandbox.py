"""The only Jinja2 environment that is ever made: sandboxed, strict, without loader, clock, chance or addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

GLOBALS = frozenset({"range", "dict", "namespace", "joiner", "cycler"})
REFUSED_FILTERS = frozenset({"random", "now", "shuffle"})

MAX_REPEAT = 4 * 1024 * 1024
MAX_POWER = 10_000
"""Bits of an integer's power."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{4,}>")
_PLAIN = (str, int, float, bool, type(None))


class TooLarge(Exception):
    """More text than a template may give."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse operators that make something huge of something small."""
        if operator == "**" and _bits(left) * max(_times(right), 0) > MAX_POWER:
            raise OverflowError("a number with too many digits")
        if operator == "*" and (_bits(left) + _bits(right) > MAX_POWER or _repeated(left, right) > MAX_REPEAT):
            raise OverflowError("a product that is too large")
        return super().call_binop(context, operator, left, right)


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _times(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _repeated(left: Any, right: Any) -> int:
    """The length of a text or list times a number; 0 where it is no such product."""
    for what, times in ((left, right), (right, left)):
        if isinstance(what, (str, bytes, list, tuple)):
            return len(what) * _times(times)
    return 0


def environment() -> _Environment:
    """A fresh environment."""
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=_final,
        loader=None,
        cache_size=0,
    )
    made.globals = {name: item for name, item in made.globals.items() if name in GLOBALS}
    for name in REFUSED_FILTERS & made.filters.keys():
        del made.filters[name]
    return made


def expand(jinja: _Environment, source: str, variables: Mapping[str, Any], most: int) -> str:
    """The text of a template. Raises TooLarge beyond `most` bytes, and whatever the template does wrong."""
    parts: list[str] = []
    size = 0
    for part in jinja.from_string(source).generate(variables):
        size += len(part.encode())
        if size > most:
            raise TooLarge
        parts.append(part)
    return "".join(parts)


def describe(error: Exception, name: str) -> dict[str, Any]:
    """The child's answer for what a template raised, with the line of its source."""
    if isinstance(error, TemplateSyntaxError):
        return {"code": "AIVP0820", "why": f"The template does not parse: {error.message}", "line": error.lineno}
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    what = "uses what is not defined" if isinstance(error, UndefinedError) else "cannot be rendered"
    if isinstance(error, SecurityError):
        what = "does what no template may"
    text = str(error) or type(error).__name__
    return {"code": "AIVP0822", "why": f"The template {name} {what}: {_ADDRESS.sub('>', text)[:300]}", "line": line}


def _final(value: Any) -> Any:
    """Only plain data becomes text: whatever else prints as an address in memory, which no two runs share."""
    if isinstance(value, StrictUndefined):
        return value
    if not _is_plain(value, 0) or (isinstance(value, str) and _ADDRESS.search(value)):
        raise TypeError(f"a value of type {type(value).__name__} has no text; pass it through a filter such as list")
    return value


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, (*_PLAIN, Markup)):
        return True
    if depth > 100:
        raise RecursionError
    if isinstance(value, Mapping):
        return all(_is_plain(key, depth + 1) and _is_plain(item, depth + 1) for key, item in value.items())
    return isinstance(value, (list, tuple)) and all(_is_plain(item, depth + 1) for item in value)
