"""libyaml's terse complaints → a sentence about the file at hand, with what usually mends it."""

from __future__ import annotations

from typing import Any

from aivp.diagnostics import Diagnostic, Related, Span

_MENDS = (
    ("mapping values are not allowed", 'Quote a text that contains ": ", or put the key on a line of its own.'),
    ("did not find expected key", "Check the indentation of this line, and the quotes of the value before it."),
    ("could not find expected ':'", "Put a space after the colon; quote text that runs over several lines."),
    ("did not find expected '-' indicator", "Indent this line like the list's other entries, or less."),
    ("expected ',' or", "Close the bracket, or put a comma between entries."),
    ("expected node content", "A value is missing here, or a bracket before it is not closed."),
    ("unexpected end of stream", "Close the quote."),
    ("unknown escape", "Use single quotes for text with backslashes, or double each one."),
    ("undefined tag handle", "Leave the tag out; quote a text that starts with !."),
    ("alphabetic or numeric", "Quote a text that starts with * or &."),
    ("incompatible YAML document", "Remove the %YAML line."),
)


def syntax_error(error: Any, data: bytes, file: str) -> Diagnostic:
    """One diagnostic for a YAMLError, at the place that libyaml names."""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark, context_mark = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if context_mark and mark and (mark.line > data.count(b"\n") or "end of stream" in problem):
        mark = context_mark  # what was opened there is never closed: the end of the file helps nobody
    span = Span(file, mark.line + 1, mark.column + 1) if mark else Span(file, 1, 1)
    related: tuple[Related, ...] = ()
    if context_mark and (context_mark.line, context_mark.column) != (span.line - 1, span.column - 1):
        context = f"{error.context} that starts here".removeprefix("while ")
        related = (Related(Span(file, context_mark.line + 1, context_mark.column + 1), context),)
    why, mend = _explain(problem, data, span)
    return Diagnostic("AIVP0107", why, mend, span, related=related)


def _explain(problem: str, data: bytes, span: Span) -> tuple[str, str]:
    if "cannot start any token" in problem:
        character = _character(data, span)
        if character == "\t":
            return "A tab stands where only spaces may indent.", "Indent with spaces."
        return f"A value cannot start with {character}.", "Quote the value."
    mend = next((mend for part, mend in _MENDS if part in problem), "")
    return f"This is not YAML: {problem}.", mend


def _character(data: bytes, span: Span) -> str:
    lines = data.split(b"\n", span.line)
    line = lines[span.line - 1].decode(errors="replace") if len(lines) >= span.line else ""
    return line[span.column - 1 : span.column] or "this character"
