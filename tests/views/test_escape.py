import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.views import escape

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("日本語 é ✓ 🙂", "日本語 é ✓ 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("abc\u202etxt.exe\u2066\u200f", "abc\\u202etxt.exe\\u2066\\u200f"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b\u200bc\u00adfe\ufe0f\ufeff", "a\\xa0b\\u200bc\\xadfe\\ufe0f\\ufeff"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("e" + "\u0301" * 5, "e\u0301\u0301\u0301\\u0301\\u0301"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert escape.line(text) == shown


def test_a_block_keeps_its_newlines() -> None:
    assert escape.block("a\n\tb\n") == "a\n\\tb\n"


def test_what_is_cut_says_how_much() -> None:
    assert escape.line("x" * 1_000_000, 3) == "xxx... (999,997 more characters)"
    assert len(escape.line("\u202e" * 1_000_000)) < 30_000


@given(ANY_TEXT)
def test_only_visible_characters_are_left_and_twice_is_once(text: str) -> None:
    shown = escape.line(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not [char for char in shown if unicodedata.category(char) == "Zs" and char != " "]
    assert escape.line(shown) == shown
