import re

from hypothesis import given
from hypothesis import strategies as st

from aivp.views.page import Page, cells

COLORS = re.compile(r"\x1b\[[0-9;]*m")
TEXT = st.text(st.sampled_from("ab  \t\n\x1b日é"), max_size=120)
PIECES = st.lists(st.tuples(st.sampled_from(["", "good", "bad"]), TEXT), max_size=5)


def test_words_wrap_and_hang() -> None:
    page = Page(40, color=False)
    page.add(("", "one two three four five six seven eight nine ten"), indent=4)
    assert page.text() == "    one two three four five six seven\n      eight nine ten"


def test_a_word_that_is_too_wide_is_cut() -> None:
    page = Page(40, color=False)
    page.add(("", "x" * 100), indent=2)
    assert [len(line) for line in page.lines] == [40, 40, 30]


def test_pieces_that_touch_are_one_word() -> None:
    page = Page(40, color=False)
    page.add(("good", "a" * 30 + " "), ("bad", "bbbbb"), ("", "ccccc:"))
    assert page.lines == ["a" * 30, "  bbbbbccccc:"]


def test_wide_characters_take_two_columns() -> None:
    page = Page(40, color=False)
    page.add(("", "日本" * 30))
    assert [cells(line) for line in page.lines] == [40, 40, 40, 6]


def test_a_wide_character_does_not_hang_over_the_edge() -> None:
    page = Page(40, color=False)
    page.add(("", "x" * 39 + "日" * 20))
    assert [cells(line) for line in page.lines] == [39, 40, 4]
    page = Page(40, color=False)
    page.add(("", "x" * 39), ("good", "日" * 20))
    assert [cells(line) for line in page.lines] == [39, 40, 4]


def test_parts_stay_whole() -> None:
    page = Page(40, color=False)
    page.add_parts(("", "Plan:"), ("", "-/+ 1 to replace,"), ("", "+ 12 to create,"), ("", "9 unchanged."))
    assert page.lines == ["Plan: -/+ 1 to replace, + 12 to create,", "  9 unchanged."]


def test_the_blank_at_the_end_of_somebodys_line_is_seen() -> None:
    page = Page(40, color=False)
    page.add_verbatim("", "+ ", "a  ", 0)
    assert page.lines == ["+ a \\x20"]


def test_what_goes_on_below_does_not_look_like_a_line_of_its_own() -> None:
    page = Page(40, color=False)
    page.add_verbatim("", "+ ", "x" * 50, 0)
    assert page.lines == ["+ " + "x" * 38, "+>" + "x" * 12]


@given(PIECES, st.integers(0, 160), st.integers(0, 12), st.booleans())
def test_no_line_is_too_wide_and_none_ends_in_a_blank(
    pieces: list[tuple[str, str]], width: int, indent: int, color: bool
) -> None:
    page = Page(width, color=color)
    page.add(*pieces, indent=indent, hang=4)
    page.add_parts(*pieces, hang=4)
    for _, text in pieces:
        page.add_verbatim("good", "+ ", text, indent)
        page.paragraph(text, indent)
    for line in page.lines:
        plain = COLORS.sub("", line)
        assert cells(plain) <= page.width
        assert plain == plain.rstrip(" ")
        assert plain.isprintable()


@given(PIECES)
def test_colour_changes_nothing_but_colour(pieces: list[tuple[str, str]]) -> None:
    pages = [Page(40, color=color) for color in (False, True)]
    for page in pages:
        page.add(*pieces)
    assert COLORS.sub("", pages[1].text()) == pages[0].text()
