import re

from hypothesis import given
from hypothesis import strategies as st

from aivp.views.name_spans import few, name_spans

NAMES = st.lists(st.from_regex(r"[a-c]{0,2}[0-9]{0,3}(\[[0-9]{1,3}\])?(@[ab][0-9]{0,2})?", fullmatch=True), max_size=30)


def test_names_that_count_upward_are_told_as_first_and_last() -> None:
    assert name_spans(f"web{n:03}" for n in range(8, 12)) == ["web008 .. web011"]
    assert name_spans(f"f[{n}]@h2" for n in range(11)) == ["f[0]@h2 .. f[10]@h2"]
    assert name_spans(["f@h1", "f@h3", "f@h2"]) == ["f@h1 .. f@h3"]


def test_two_names_stand_for_themselves() -> None:
    assert name_spans(["a2", "a1"]) == ["a1", "a2"]


def test_digits_of_another_width_do_not_follow() -> None:
    assert name_spans(["a8", "a9", "a010"]) == ["a8", "a9", "a010"]
    assert name_spans(["a8", "a9", "a10"]) == ["a8 .. a10"]


def test_what_is_too_long_is_counted() -> None:
    assert few(["a", "b", "c"], 2) == ("a, b", 1)
    assert few([f"a{n}" for n in range(50)], 1) == ("a0 .. a49", 0)


@given(NAMES)
def test_every_name_is_told_and_no_other(names: list[str]) -> None:
    told = set()
    for span in name_spans(names):
        first, dots, last = span.partition(" .. ")
        told |= set(_between(first, last)) if dots else {first}
    assert told == set(names)


def _between(first: str, last: str) -> list[str]:
    """The names of a span, by the digits in which its ends differ."""
    ends = zip(re.finditer("[0-9]+", first), re.finditer("[0-9]+", last), strict=True)
    ((one, other),) = ((a, b) for a, b in ends if a[0] != b[0])
    width = len(one[0]) if one[0].startswith("0") else 0
    return [
        f"{first[: one.start()]}{number:0{width}}{first[one.end() :]}"
        for number in range(int(one[0]), int(other[0]) + 1)
    ]
