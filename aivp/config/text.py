"""Are these bytes text, and text that a person can have meant? Checked before any parser sees them."""

from __future__ import annotations

import re

from aivp.diagnostics import Diagnostic, Span

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
# Line ends to YAML 1.1, and so to libyaml, but to no editor: what follows one in a comment would be a declaration.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def check_text(data: bytes, file: str, limit: int) -> Diagnostic | None:
    """The first reason why `data` is not plain UTF-8 text of at most `limit` bytes, None where it is."""
    if len(data) > limit:
        return too_large(file, limit, Span(file, 1, 1))
    if data.startswith(_BYTE_ORDER_MARKS):
        why = "The file starts with a byte order mark."
        return Diagnostic("AIVP0106", why, "Save it as UTF-8 without BOM.", Span(file, 1, 1))
    if problem := check_utf8(data, file):
        return problem
    text = data.decode()
    if hidden := _LINE_ENDS.search(text):
        why = f"U+{ord(hidden[0]):04X} stands in the text: a line end to some, a character to others."
        mend = f'End the line as usual there, or write it as "\\u{ord(hidden[0]):04x}" in double quotes.'
        return Diagnostic("AIVP0106", why, mend, _place(file, text[: hidden.start()]))
    if control := _CONTROL.search(text):
        why = f"The control character U+{ord(control[0]):04X} stands in the text."
        mend = f'Remove it, or write it as "\\u{ord(control[0]):04x}" in double quotes.'
        return Diagnostic("AIVP0106", why, mend, _place(file, text[: control.start()]))
    return None


def check_utf8(data: bytes, file: str) -> Diagnostic | None:
    """Where `data` is no UTF-8, None where it is."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = _place(file, data[: error.start].decode(errors="replace"))
        why = f"Byte 0x{data[error.start]:02x} at this place is not UTF-8."
        return Diagnostic("AIVP0106", why, "Save the file as UTF-8.", place)
    return None


def too_large(file: str, limit: int, span: Span | None) -> Diagnostic:
    """The diagnostic for a file that nobody will read."""
    why = f"{file} has more than {limit / (1 << 20):g} MiB, the limit for such a file."
    return Diagnostic("AIVP0105", why, "Split it, or keep large content outside the project.", span)


def _place(file: str, before: str) -> Span:
    line_start = before.rfind("\n") + 1
    return Span(file, before.count("\n") + 1, len(before) - line_start + 1)
