"""What becomes of a person's file → its unified diff for a terminal, escaped."""

from __future__ import annotations

from collections.abc import Iterator

from aivp.views.escape import line
from aivp.views.style import Style
from aivp.views.text_diff import diff_texts

_MEANINGS = {"+": "good", "-": "bad", "@": "accent", "\\": "faint"}


def file_diff(file: str, before: bytes, after: bytes, *, color: bool) -> Iterator[str]:
    """Lines of the diff; none where nothing changes. Bytes that are no UTF-8 are shown as escapes."""
    if before == after:
        return
    style = Style(color)
    yield style("strong", f"--- {line(file)}")
    yield style("strong", f"+++ {line(file)}")
    for sign, text in diff_texts(_text(before), _text(after)).lines:
        shown = line(text)
        yield style(
            _MEANINGS.get(sign, ""), shown if sign == "@" else f"{sign} {shown}" if sign == "\\" else sign + shown
        )


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
