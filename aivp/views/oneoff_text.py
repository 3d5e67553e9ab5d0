"""How a one-off command ended on a host → text: a line that says it, then what it wrote, stream by stream."""

from __future__ import annotations

from aivp.model.oneoff import Answer
from aivp.views import escape
from aivp.views.page import Page

INDENT = 2


def render_answer(answer: Answer, *, width: int, color: bool = False) -> str:
    """Lines of standard error carry a mark; both streams are escaped for a terminal, and nothing of them is folded."""
    page = Page(width, color=color)
    meaning, said = ("good", "done") if answer.is_done else ("bad", _how(answer))
    page.add(("strong", escape.line(answer.host, 400)), ("", ": "), (meaning, said))
    if answer.why:
        page.paragraph(escape.block(answer.why), indent=INDENT, meaning="bad")
    for text, mark, style in ((answer.stdout, "", ""), (answer.stderr, "! ", "faint")):
        for line in text.rstrip("\n").split("\n") if text else ():
            page.add_verbatim(style, mark, line, INDENT)
    if answer.is_truncated:
        page.add(("faint", "It wrote more than is kept: the middle is missing at [...]."), indent=INDENT)
    if answer.mend:
        page.paragraph(escape.block(answer.mend), indent=INDENT)
    return page.text()


def _how(answer: Answer) -> str:
    if answer.is_unknown:
        return "nobody knows how it ended"
    if answer.code is None:
        return "not run"
    return f"killed by signal {-answer.code}" if answer.code < 0 else f"exit code {answer.code}"
