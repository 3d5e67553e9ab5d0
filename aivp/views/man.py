"""Commands and their parameters → pages in man(7). The door of this sink: whatever a page shows is escaped here.

A page has no date: the same aivp writes the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

EXIT_CODES = (
    ("0", "done, or nothing to do"),
    ("1", "error"),
    ("2", "changes pending (drift, plan --detailed-exitcode)"),
    ("3", "refused by policy"),
    ("4", "plan stale or tampered"),
    ("5", "some steps failed, the rest is applied; --resume goes on"),
    ("130", "interrupted"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One command. name: as it is typed; usage: its words behind the name; options and commands: term → help."""

    name: str
    summary: str
    usage: Sequence[str]
    text: str
    options: Sequence[tuple[str, str]] = ()
    commands: Sequence[tuple[str, str]] = ()
    others: Sequence[str] = ()
    """Names of pages to read next."""

    @property
    def title(self) -> str:
        """The page's name, such as `aivp-state-list`."""
        return self.name.replace(" ", "-")


def man_page(page: Page, version: str) -> str:
    """The source of a page in section 1."""
    lines = [
        f'.TH "{escape(page.title.upper())}" "1" "" "aivp {escape(version)}" "aivp"',
        ".SH NAME",
        rf"{escape(page.title)} \- {escape(page.summary)}",
        ".SH SYNOPSIS",
        f".B {escape(page.name)}",
        *(escape(word) for word in page.usage),
        ".SH DESCRIPTION",
        *_paragraphs(page.text),
    ]
    for head, items in (("COMMANDS", page.commands), ("OPTIONS", page.options)):
        lines += [f".SH {head}"] * bool(items)
        for term, text in items:
            lines += [".TP", rf"\fB{escape(term)}\fR", escape(text) or r"\&"]
    lines += [".SH EXIT STATUS"]
    for code, text in EXIT_CODES:
        lines += [".TP", rf"\fB{code}\fR", escape(text)]
    if page.others:
        lines += [".SH SEE ALSO", ",\n".join(rf"\fB{escape(name)}\fR(1)" for name in page.others)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """`text` on one line, without a meaning to roff: no request, no escape, no control character."""
    plain = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    plain = (
        plain.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga").replace('"', r"\(dq")
    )
    plain = plain.replace("^", r"\(ha").replace("~", r"\(ti")
    return rf"\&{plain}" if plain.startswith((".", r"\(aq")) else plain


def _paragraphs(text: str) -> Iterator[str]:
    for number, part in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield escape(part)
