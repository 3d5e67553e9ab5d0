import pytest
from aivp_contract.values import Blob, Secret, Verdict

from aivp.views.value_text import pair_text, size_text, value_text


@pytest.mark.parametrize("text", ["/etc/nginx/site.conf", "0644", "www-data", "a b", "key=value", "$HOME", "1.22.1-9"])
def test_plain_text_has_no_quotes(text: str) -> None:
    assert value_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " a", "a ", "1", "1.5", "true", "null", "(secret)", "[a]", "{b}", "a, b", "a: b", "- a", "a -> b", "x:"],
)
def test_text_that_could_be_something_else_has_quotes(text: str) -> None:
    assert value_text(text) == f'"{text}"'


def test_a_deep_value_ends_somewhere() -> None:
    value: object = "x"
    for _ in range(100_000):
        value = [value]
    assert value_text(value) == "[" * 12 + "..." + "]" * 12


def test_a_wide_value_is_cut() -> None:
    assert value_text(list(range(1_000_000)), 20) == "[0, 1, 2, 3, 4, 5, 6..."


def test_two_long_texts_are_shown_where_they_differ() -> None:
    before, after = pair_text("x" * 1_000_000 + "before", "x" * 1_000_000 + "after")
    assert before == "...(999,980 characters) " + "x" * 20 + "before"
    assert after == "...(999,980 characters) " + "x" * 20 + "after"


def test_two_versions_of_a_secret_look_different() -> None:
    made = [Secret({"secret": "db", "version": version}, "hunter2") for version in ("1", "2")]
    assert pair_text(*made) == ("(secret db version 1)", "(secret db version 2)")
    assert value_text(made[0]) == "(secret db)"
    assert value_text(Verdict(matches=False)) == "(sensitive, differs)"


def test_sizes() -> None:
    assert [size_text(size) for size in (1, 1023, 1024, 1536 * 1024)] == ["1 byte", "1023 bytes", "1.0 KiB", "1.5 MiB"]
    assert value_text(Blob("ab" * 32, 3 * 2**40)) == "(3.0 TiB, sha256 abababababab)"
