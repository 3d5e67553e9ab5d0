import difflib

from hypothesis import given
from hypothesis import strategies as st

from aivp.views.text_diff import LARGEST, diff_texts

TEXT = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n"]), max_size=40).map("".join)


def unified(before: str, after: str) -> list[str]:
    """As difflib prints it, without the file names."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), lineterm="")
    return [line.removesuffix("\n") for line in lines][2:]


def printed(before: str, after: str) -> list[str]:
    return [text if sign == "@" else sign + text for sign, text in diff_texts(before, after).lines]


def test_a_change_has_three_lines_of_context() -> None:
    before = "".join(f"{number}\n" for number in range(100))
    after = before.replace("\n50\n", "\nfifty\n").replace("\n58\n", "\n").replace("\n54\n", "\n54\nmore\n")
    assert printed(before, after) == unified(before, after)


def test_a_lost_newline_at_the_end_is_seen() -> None:
    assert printed("a\nb\n", "a\nb") == [" a", "-b", "+b", "\\no newline at its end"]


def test_only_a_newline_ends_a_line() -> None:
    assert printed("a\x0bb\u2028c\n", "a\n") == ["-a\x0bb\u2028c", "+a"]


def test_what_is_shown_from_begin_to_end_needs_no_place() -> None:
    assert printed("", "a\nb\n") == ["+a", "+b"]
    assert printed("a\n", "") == ["-a"]
    assert printed("a\n", "a\n") == []
    assert printed("a\nb\n", "a\nc\n") == [" a", "-b", "+c"]


def test_what_is_too_large_to_compare_is_replaced_between_its_equal_ends() -> None:
    before = "head\n" + "".join(f"a{number}\n" for number in range(LARGEST)) + "tail\n"
    after = "head\n" + "".join(f"b{number}\n" for number in range(LARGEST)) + "tail\n"
    diff = diff_texts(before, after)
    assert (diff.added, diff.removed) == (LARGEST, LARGEST)
    assert [diff.lines[0], diff.lines[-1]] == [(" ", "head"), (" ", "tail")]


@given(TEXT, TEXT)
def test_the_signs_tell_how_to_get_from_one_to_the_other(before: str, after: str) -> None:
    diff = diff_texts(before, after)
    lines = [line for line in diff.lines if line[0] in " +-"]
    gone, come = ([text for sign, text in lines if sign in (" ", kept)] for kept in "-+")
    assert is_part(gone, before.split("\n"))
    assert is_part(come, after.split("\n"))
    assert diff.added - diff.removed == after.count("\n") - before.count("\n")
    assert bool(diff.lines) == (before != after)
    assert sum(sign == "+" for sign, _ in lines) == diff.added


def is_part(some: list[str], whole: list[str]) -> bool:
    """True where `some` are lines of `whole`, in their order."""
    rest = iter(whole)
    return all(line in rest for line in some)
