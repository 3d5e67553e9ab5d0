"""Source lines that are long, wide, odd or not there; long lists; the last line. Whole ones are in cases/."""

from __future__ import annotations

import time

import pytest

from aivp.diagnostics import Diagnostic, Related, Span
from aivp.views.diagnostic_text import MOST, render_diagnostics
from aivp.views.page import cells


def shown(text: str, column: int, width: int = 60, line: int = 1) -> list[str]:
    """The two lines of an excerpt of `text`, without their gutter; empty where there is none."""
    item = Diagnostic("AIVP0107", "why", span=Span("a.yaml", line, column))
    found = render_diagnostics([item], lambda _: text, color=False, width=width).split("\n")
    assert all(cells(row) <= width for row in found), found
    return [row.partition("| ")[2] for row in found if "| " in row]


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: value", "value"),
        ("\ta:\tvalue", "value"),
        ("日本語の長い鍵: 値です", "値です"),
        ("日本語" * 40 + ": 値です, 次の値", "値です, 次の値"),
        ("x" * 300 + ": value # " + "y" * 300, "value"),
        ("x" * 300 + ": " + "v" * 300, "v" * 300),
        ("a: \u202evalue", "\u202evalue"),
        ("e\u0301" * 100 + ": value", "value"),
        ("a: 🙂🙂 words", "🙂🙂 words"),
    ],
)
def test_the_mark_stands_below_what_it_means(text: str, word: str, width: int) -> None:
    source, marks = shown(text, text.index(word) + 1, width)
    start, length = len(marks) - len(marks.lstrip(" ")), marks.count("^")
    assert length >= 1
    column = taken = 0
    while cells(source[:column]) < start:
        column += 1
    while cells(source[column : column + taken]) < length:
        taken += 1
    found = source[column : column + taken].removeprefix("\\u202e")
    assert word.removeprefix("\u202e").startswith(found.removesuffix("..."))
    assert found


def test_a_line_of_a_megabyte_costs_nothing() -> None:
    begun = time.process_time()
    for text in ("x" * 1_000_000, "語" * 1_000_000, "[" * 1_000_000, "\x1b" * 1_000_000, '"' + "a" * 1_000_000):
        for column in (1, 500_000, 1_000_000):
            assert len(shown(text, column, 40)) == 2
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(("line", "column"), [(0, 1), (2, 1), (1, 0), (1, 99), (-1, -1)])
def test_a_place_that_is_not_there_has_no_excerpt(line: int, column: int) -> None:
    assert shown("a: b", column, line=line) == []


def test_a_second_place_shows_its_own_line() -> None:
    files = {"a.yaml": "one: 1\n", "b.yaml": "two: 2\nthree: 3\n"}
    related = (Related(Span("b.yaml", 2, 8), "it is here"), Related(Span("c.yaml", 1, 1), "and here"))
    item = Diagnostic("AIVP0128", "why", span=Span("a.yaml", 1, 1), related=related)
    assert render_diagnostics([item], files.get, color=False).split("\n")[2:9] == [
        "    a.yaml:1:1",
        "    1 | one: 1",
        "      | ^^^",
        "    b.yaml:2:8: it is here",
        "    2 | three: 3",
        "      |        -",
        "    c.yaml:1:1: and here",
    ]


def test_a_long_list_is_counted_by_file_and_errors_come_first() -> None:
    spans = [Span(f"f{number % 30}.yaml", number, 1) for number in range(400)]
    items = [Diagnostic("AIVP0620", "why", span=span, severity="warning") for span in spans[:100]]
    items += [Diagnostic("AIVP0302", "why", span=span) for span in spans]
    items += [Diagnostic("AIVP0101", "no place")]
    found = render_diagnostics(items, lambda _: None, color=False)
    assert found.count("error[AIVP0302]") == MOST
    assert "warning[" not in found
    assert "481 more, which --verbose shows:" in found
    assert "  f20.yaml: 13 errors, 3 warnings\n" in found
    assert "\n  11 other files: " in found
    assert found.endswith("401 errors, 100 warnings.\nMore about it: aivp explain AIVP0302")
    whole = render_diagnostics(items, lambda _: None, color=False, verbose=True)
    assert (whole.count("error["), whole.count("warning[")) == (401, 100)


def test_the_last_line_names_each_code_once_and_not_all() -> None:
    items = [Diagnostic(f"AIVP010{number}", "why") for number in (1, 2, 1, 3, 4, 5, 6, 7)]
    found = render_diagnostics(items, lambda _: None, color=False).split("\n")[-1]
    assert found == "More about it: aivp explain AIVP0101 (also: AIVP0102, AIVP0103, AIVP0104, AIVP0105, ...)"


def test_a_warning_alone_sends_nobody_reading() -> None:
    assert "explain" not in render_diagnostics([Diagnostic("AIVP0620", "why", severity="warning")], str, color=False)
