"""`python -m tests.diagnostics --docs`: the catalogue → docs/diagnostics.md. A test holds the two equal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from aivp.diagnostics.catalogue import RETIRED, SUMMARIES
from aivp.diagnostics.explanation import Example, Explanation, explain

PAGE = Path(__file__).parents[2] / "docs/diagnostics.md"

_CHAPTERS = {
    "01": "Files and syntax",
    "02": "Names and references",
    "03": "Kinds and fields",
    "04": "Observe, bind and plan",
    "05": "Apply and runs",
    "06": "Hosts and providers",
    "07": "State",
    "08": "Secrets, templates, and where state lives",
    "09": "Command line",
}
_HEAD = """\
# Diagnostics

<!-- Written by `python -m tests.diagnostics --docs` from aivp/diagnostics; a test holds it to that. -->

Every message about input, plan or world has a stable code. `aivp explain AIVP0203` shows what stands here, without a
network. Each example is run by a test: the wrong one earns its code, the right one none. Lines that begin with `$` are
typed into a shell, in a folder with the files above them.
"""
_LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".cue": "cue", ".py": "python", ".ini": "ini"}


def page() -> str:
    """The whole file."""
    return "\n".join([_HEAD, *_contents(), *_bodies(), *_retired()]).rstrip("\n") + "\n"


def _contents() -> Iterator[str]:
    for number, codes in _chapters():
        yield f"**[{_CHAPTERS[number]}](#{_anchor(_CHAPTERS[number])})**  "
        yield " · ".join(f"[{code[4:]}](#{code.lower()}) {SUMMARIES[code]}" for code in codes) + "\n"


def _bodies() -> Iterator[str]:
    for number, codes in _chapters():
        yield f"## {_CHAPTERS[number]}\n"
        for code in codes:
            yield from _entry(explain(code))


def _retired() -> Iterator[str]:
    if RETIRED:
        yield "## Not said any more\n"
        yield from (f"- {code}: {text}." for code, text in sorted(RETIRED.items()))


def _chapters() -> Iterator[tuple[str, list[str]]]:
    for number, codes in groupby(sorted(SUMMARIES), key=lambda code: code[4:6]):
        yield number, list(codes)


def _entry(item: Explanation) -> Iterator[str]:
    yield f"### {item.code}\n"
    yield f"**{item.summary}.** {item.what}\n"
    yield f"{item.why}\n"
    yield f"{item.mend}\n"
    yield from _example("Wrong", item.bad)
    yield from _example("Right", item.good)


def _example(title: str, example: Example) -> Iterator[str]:
    yield f"{title}: {example.words}\n" if example.words else f"{title}:\n"
    for name, text in example.files.items():
        yield from _block(
            _LANGUAGES.get(Path(name).suffix, "text"), f"# {name}\n{text}" if name != "aivp.yaml" else text
        )
    if example.commands:
        yield "<!-- run by tests/diagnostics/test_explanations.py -->"
        yield from _block("console", "".join(f"$ {line}\n" for line in example.commands))


def _block(language: str, text: str) -> Iterator[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    end = "" if text.endswith("\n") else "\n"
    yield f"{fence}{language}\n{text}{end}{fence}\n"


def _anchor(title: str) -> str:
    return "".join(char for char in title.lower().replace(" ", "-") if char.isalnum() or char == "-")


if __name__ == "__main__":
    if sys.argv[1:] != ["--docs"]:
        sys.exit(__doc__)
    PAGE.write_text(page(), encoding="utf-8")
