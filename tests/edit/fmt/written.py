"""YAML as people write it: any indentation, any style, comments everywhere. A hypothesis strategy for its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

WORDS = st.sampled_from(
    "a b1 site web-server x_y ünï ключ 日本 n/a yes 0.5 1e3 12 true ~ null a:b c#d -x ?y *.z http://a.b/c?d=e%20".split()
)
PLAIN = st.sampled_from(
    ["text", "two words", "12", "true", "1.5", "null", "~", "0o17", "a # no", "x: y", "- z", "é", ""]
)
TEXTS = st.text(st.sampled_from("ab \\\"'#:-{}[],&*!|>%@`$é日\t\n😀"), max_size=20)
COMMENTS = st.sampled_from(["# c", "#c", "#", "#  spaced  out", "# é: {x} - [y]", "#!x"])


@st.composite
def documents(draw: Draw) -> str:
    """A map at the root, with everything around it."""
    lines = _between(draw, 0)
    lines += _map(draw, 0, 0)
    lines += _between(draw, draw(st.integers(0, 6)))
    text = "\n".join(lines) + draw(st.sampled_from(["\n", "\n\n\n"]))
    if draw(st.integers(0, 7)) == 0:
        text = "---\n" + text
    return text.replace("\n", "\r\n") if draw(st.integers(0, 7)) == 0 else text


def _between(draw: Draw, indent: int) -> list[str]:
    found: list[str] = []
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        found.append(draw(st.sampled_from(["", "   "])) if draw(st.booleans()) else " " * indent + draw(COMMENTS))
    return found


def _behind(draw: Draw) -> str:
    return draw(st.sampled_from(["", "", "", " ", "  "])) + (
        draw(st.sampled_from([" ", "    "])) + draw(COMMENTS) if draw(st.integers(0, 4)) == 0 else ""
    )


def _map(draw: Draw, indent: int, depth: int) -> list[str]:
    keys = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    found: list[str] = []
    for key in keys:
        shown = draw(st.sampled_from([f'"{key}"', f"'{key}'"])) if draw(st.booleans()) or not key[0].isalpha() else key
        if shown in ("yes", "true", "null", "n/a"):
            shown = f'"{shown}"'
        found += _under(draw, " " * indent + shown + draw(st.sampled_from(["", "", " "])) + ":", indent, depth, "map")
        found += _between(draw, indent)
    return found


def _list(draw: Draw, indent: int, depth: int) -> list[str]:
    found: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth < 4 and draw(st.integers(0, 2)) == 0:
            blanks = draw(st.integers(1, 4))
            make = _map if draw(st.booleans()) else _list
            first, *rest = make(draw, indent + 1 + blanks, depth + 1)
            found += [" " * indent + "-" + " " * blanks + first.lstrip(), *rest]
        else:
            found += _under(draw, " " * indent + "-", indent, depth, "list")
        found += _between(draw, indent)
    return found


def _under(draw: Draw, head: str, indent: int, depth: int, of: str) -> list[str]:
    """A value behind or below `head`."""
    blank = draw(st.sampled_from([" ", " ", "  ", "     "]))
    choice = draw(st.sampled_from("plain plain plain quoted flow flow flowlines block folded map list anchor".split()))
    below = indent + draw(st.integers(1, 5))
    if choice == "map" and depth < 4:
        return [head + _behind(draw), *_between(draw, below), *_map(draw, below, depth + 1)]
    if choice == "list" and depth < 4:
        column = indent if of == "map" and draw(st.booleans()) else below
        return [head + _behind(draw), *_list(draw, column, depth + 1)]
    if choice in ("block", "folded"):
        return [head + blank + _block_head(draw, choice), *_block(draw, below)]
    if choice == "quoted":
        return [head + blank + _quoted(draw, below) + _behind(draw)]
    if choice == "flow":
        return [head + blank + _flow(draw, 0) + _behind(draw)]
    if choice == "flowlines":
        inner = [" " * below + _flow(draw, 1) + "," + _behind(draw) for _ in range(draw(st.integers(1, 3)))]
        return [head + blank + "[" + _behind(draw), *_between(draw, below), *inner, " " * (indent + 1) + "]"]
    if choice == "plain":
        return _plain(draw, head, blank, below)
    name = draw(st.sampled_from(["one", "two"]))
    return [f"{head}{blank}&{name}{blank}{_flow(draw, 1)}", *_between(draw, indent)]


def _plain(draw: Draw, head: str, blank: str, below: int) -> list[str]:
    word = draw(PLAIN)
    if "#" in word or ":" in word or "- " in word:
        word = f'"{word}"'
    if draw(st.integers(0, 5)) == 0:
        return [head + _behind(draw), *_between(draw, below), " " * below + (word or "x") + _behind(draw)]
    if draw(st.integers(0, 5)) == 0:
        return [head + blank + "some", *[""] * draw(st.integers(0, 1)), " " * below + "more of it" + _behind(draw)]
    return [head + blank + word + _behind(draw)] if word else [head + _behind(draw)]


def _block_head(draw: Draw, choice: str) -> str:
    sign = "|" if choice == "block" else ">"
    return sign + draw(st.sampled_from(["", "-", "+"])) + draw(st.sampled_from(["", "", "  # why"]))


def _block(draw: Draw, below: int) -> list[str]:
    lines = draw(st.lists(st.sampled_from(["x", "  y", "# no comment", "", "a: b", "   ", "\tz"]), max_size=5))
    return [" " * below + "first", *(" " * below + line if line.strip() else line for line in lines)]


def _quoted(draw: Draw, below: int) -> str:
    text = draw(TEXTS)
    if draw(st.booleans()) and "\n" not in text:
        return "'" + text.replace("'", "''") + "'"
    shown = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    if draw(st.booleans()):
        return '"' + shown.replace("\n", "\\n") + '"'
    return '"' + shown.replace("\n", "\\\n" + " " * below + "\\ ") + '"'


def _flow(draw: Draw, depth: int) -> str:
    pad, comma = draw(st.sampled_from(["", " ", "  "])), draw(st.sampled_from([",", ", ", " ,  "]))
    if depth > 2 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "'b'", '"c: d"', "1", "two words", "true"]))
    if draw(st.booleans()):
        return "[" + pad + comma.join(_flow(draw, depth + 1) for _ in range(draw(st.integers(0, 3)))) + pad + "]"
    members = [
        f"k{i}{draw(st.sampled_from([':  ', ': ']))}{_flow(draw, depth + 1)}" for i in range(draw(st.integers(0, 3)))
    ]
    return "{" + pad + comma.join(members) + pad + "}"
