"""An explanation of a code → text: what, why, how to mend, then the two examples with the lines that tell them apart.

It knows no project: what it shows comes with aivp.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from aivp.diagnostics.explanation import Example, Explanation
from aivp.views.page import Page


def render_explanation(item: Explanation, *, color: bool, width: int) -> str:
    """The whole of it, without a newline at the end. Lines of files that only one example has carry `-` or `+`."""
    page = Page(width, color=color)
    page.add(("loud", item.code), ("strong", f": {item.summary}"))
    for text in (item.what, item.why, item.mend):
        page.blank()
        page.paragraph(text, indent=2)
    _write(page, "Wrong", item.bad, item.good.files, "-", "bad")
    _write(page, "Right", item.good, item.bad.files, "+", "good")
    return page.text()


def _write(page: Page, title: str, example: Example, others: Mapping[str, str], sign: str, meaning: str) -> None:
    page.blank()
    page.add(("strong", title))
    if example.words:
        page.paragraph(example.words, indent=2)
    for name, text in example.files.items():
        page.add(("accent", name), indent=2)
        _write_file(page, text.splitlines(), others.get(name, "").splitlines(), sign, meaning)
    for command in example.commands:
        page.add_verbatim("", "$ ", command, 2)


def _write_file(page: Page, lines: Sequence[str], others: Sequence[str], sign: str, meaning: str) -> None:
    shared = {
        block.a + number
        for block in difflib.SequenceMatcher(None, lines, others, autojunk=False).get_matching_blocks()
        for number in range(block.size)
    }
    for number, line in enumerate(lines):
        own = number not in shared
        if line:
            page.add_verbatim(meaning if own else "", f"{sign} " if own else "  ", line, 4)
        else:
            page.lines.append("")
