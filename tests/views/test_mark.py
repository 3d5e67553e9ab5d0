"""How far a caret goes: to the end of the key, the value or the word that begins at a position."""

from __future__ import annotations

import time

import pytest

from aivp.views.mark import marked


@pytest.mark.parametrize(
    ("line", "start", "expected"),
    [
        ("mode: 0644", "mode", "mode"),
        ("mode: 0644  # as ever", "0644", "0644"),
        ("  content: a text of words # why", "a text", "a text of words"),
        ("  url: http://a:80/b, c", "http", "http://a:80/b, c"),
        ("a: {url: http://a:80/b, c: 1}", "http", "http://a:80/b"),
        ("a: [one two, three]", "one", "one two"),
        ("a: [one two, three]", "[", "[one two, three]"),
        ("a: {b: '}', c: [1, 2]} # x", "{", "{b: '}', c: [1, 2]}"),
        ("a: {b: 1,", "{", "{"),
        ('a: "say \\"hi\\", then go" # x', '"', '"say \\"hi\\", then go"'),
        ("a: 'it''s', b", "'", "'it''s'"),
        ('a: "never closed', '"', '"never closed'),
        ('a: "some ${var.x} here"', "${", "${var.x}"),
        ('a: "some words here"', "words", "words"),
        ("a: !tag value", "!", "!tag"),
        ("a: *alias", "*", "*alias"),
        ("a: |", "|", "|"),
        ("a:  x", "  x", " "),
        ("日本: 語", "日", "日本"),
    ],
)
def test_a_mark(line: str, start: str, expected: str) -> None:
    place = line.index(start)
    assert line[place : place + marked(line, place)] == expected


def test_the_end_of_a_line_is_marked_as_one() -> None:
    assert marked("a:", 2) == 1


@pytest.mark.parametrize("text", ["[" * 1_000_000, '"' * 1_000_001, "'" * 1_000_001, "a" * 1_000_000, "{[" * 500_000])
def test_a_line_of_a_megabyte_costs_nothing(text: str) -> None:
    begun = time.process_time()
    for place in (0, 500_000, 999_999):
        assert 1 <= marked(text, place) <= 4096
    assert time.process_time() - begun < 1
