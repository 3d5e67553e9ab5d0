import time

from hypothesis import given
from hypothesis import strategies as st

from aivp.views.outline import Segments
from aivp.views.word_diff import pairs, split_pair

LINES = st.text(st.sampled_from("ab _.\t日;{}1"), max_size=60)


def _marked(segments: Segments) -> str:
    brackets = {"": "{}", "changed": "[{}]", "left out": "<{}>"}
    return "".join(brackets[item.stress].format(item.text) for item in segments)


def _pair(before: str, after: str, most: int = 400) -> tuple[str, str] | None:
    found = split_pair(before, after, most)
    return None if found is None else (_marked(found[0]), _marked(found[1]))


def test_whole_words_are_marked() -> None:
    assert _pair("listen 80 default;", "listen 8080 default;") == ("listen [80] default;", "listen [8080] default;")
    assert _pair("user www-data;", "user www-date;") == ("user www-[data];", "user www-[date];")


def test_what_comes_and_what_goes() -> None:
    assert _pair("allow all", "allow all from here") == ("allow all", "allow all[ from here]")
    assert _pair("ends with a blank ", "ends with a blank") == ("ends with a blank[ ]", "ends with a blank")


def test_a_blank_between_two_changed_words_is_one_change_with_them() -> None:
    assert _pair("the old text stays", "the new book stays") == ("the [old text] stays", "the [new book] stays")


def test_lines_that_have_little_in_common_are_two_lines() -> None:
    assert _pair("root /srv/www;", "return 301 https://example.com;") is None
    assert _pair("", "x") is None


def test_of_a_long_line_the_difference_is_shown() -> None:
    before, after = f"{'a ' * 5000}x {'b ' * 5000}", f"{'a ' * 5000}y {'b ' * 5000}"
    assert _pair(before, after, 400) == (
        "<...(9,976 characters)>a a a a a a a a a a a a [x] b b b b b b b b b b b b<...(9,977 characters)>",
        "<...(9,976 characters)>a a a a a a a a a a a a [y] b b b b b b b b b b b b<...(9,977 characters)>",
    )


def test_lines_of_megabytes_are_bounded() -> None:
    started = time.process_time()
    for one, other in (("x" * 3_000_000, "y" * 3_000_000), ("a b " * 800_000, "b a " * 800_000)):
        found = split_pair(f"{one}{'same ' * 900_000}", f"{other}{'same ' * 900_000}", 400)
        assert found is None or sum(len(item.text) for side in found for item in side) < 4000
    assert time.process_time() - started < 2


def test_lines_find_their_counterparts() -> None:
    assert list(pairs(["a 1", "b 2"], ["a 2", "b 3"])) == [(0, 0), (1, 1)]
    assert list(pairs(["listen 80;"], ["# comment", "listen 8080;"])) == [(0, 1)]
    assert list(pairs(["x"] * 30, ["x"] * 31)) == []


@given(LINES, LINES)
def test_no_character_is_lost_and_what_is_not_marked_is_the_same(before: str, after: str) -> None:
    found = split_pair(before, after, 400)
    if found is not None:
        assert ["".join(item.text for item in side) for side in found] == [before, after]
        unmarked = ("".join(item.text for item in side if not item.stress) for side in found)
        assert len({"".join(text.split()) for text in unmarked}) == 1
