import pytest

from aivp.config.positions import YamlSpans

TEXT = b"""\
# a comment
resources:
  file.a: {path: /a, list: [1, {x: 2}]}
  file.b:
    path: /b
    list:
      - one
      - y: z
    alias: &here
      inner: 1
again: *here
empty:
? long key
: v
"""

# path → where the last key stands, where its value stands
PLACES = {
    (): ("2:1", "2:1"),
    ("resources",): ("2:1", "3:3"),
    ("resources", "file.a"): ("3:3", "3:11"),
    ("resources", "file.a", "path"): ("3:12", "3:18"),
    ("resources", "file.a", "list", 0): ("3:29", "3:29"),
    ("resources", "file.a", "list", 1, "x"): ("3:33", "3:36"),
    ("resources", "file.b", "list"): ("6:5", "7:7"),
    ("resources", "file.b", "list", 1, "y"): ("8:9", "8:12"),
    ("resources", "file.b", "alias"): ("9:5", "9:12"),
    ("again",): ("11:1", "11:8"),
    ("again", "inner"): ("10:7", "10:14"),
    ("empty",): ("12:1", "12:7"),
    ("long key",): ("13:3", "14:3"),
    # what is not there stands where its parent stands
    ("resources", "file.c", "path"): ("3:3", "3:3"),
    ("resources", "file.a", "list", 7): ("3:28", "3:28"),
    ("resources", "file.a", "list", "x"): ("3:28", "3:28"),
    ("nothing", 0): ("2:1", "2:1"),
}


@pytest.mark.parametrize("path", PLACES)
def test_places(path: tuple[str | int, ...]) -> None:
    spans = YamlSpans("f.yaml", TEXT)
    assert (str(spans.key(path)), str(spans.value(path))) == tuple(f"f.yaml:{place}" for place in PLACES[path])


@pytest.mark.parametrize(
    "data", [b"", b"a: [", b"a: {b: 1\nc: ]", b"{{a: 1}: b, c: [1, 2]}: 3", b"*x", b"\x00", b"? [a]\n: b"]
)
def test_what_is_no_yaml_has_some_place(data: bytes) -> None:
    assert YamlSpans("f.yaml", data).value(["a", "b"]).line >= 1


def test_of_equal_keys_the_first_counts() -> None:
    assert str(YamlSpans("f", b"a: 1\nb: 2\na: 3").key(["a"])) == "f:1:1"
