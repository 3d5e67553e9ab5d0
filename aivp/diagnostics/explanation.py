"""A code → what the catalogue explains of it, with an example that earns it and one that does not.

One file a code, read when somebody asks: start-up never sees them. Each example is run by tests/diagnostics. The format
is that of the goldens (a head, then files behind `-- name --`): one diff shows a whole explanation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aivp.diagnostics.catalogue import SUMMARIES

FOLDER = os.path.join(os.path.dirname(__file__), "explanations")

_FILE = re.compile(r"(?m)^-- (.+) --\n")
_MEMBER = re.compile(r"(?m)^(what|why|mend|bad|good): ?")


@dataclass(frozen=True, slots=True)
class Example:
    """`files` by name, all of them; then either shell lines that show it, or what happens in words."""

    files: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """what: the mistake in general; why: what would go wrong otherwise; mend: how to put it right. Plain prose."""

    code: str
    summary: str
    what: str
    why: str
    mend: str
    bad: Example
    good: Example


def explain(code: str) -> Explanation:
    """The explanation of a code in the catalogue. Raises KeyError for any other."""
    summary = SUMMARIES[code]
    with open(os.path.join(FOLDER, f"{code}.txtar"), encoding="utf-8") as file:
        head, *parts = _FILE.split(file.read())
    _, *members = _MEMBER.split(head)
    said = {name: text.strip() for name, text in zip(members[::2], members[1::2], strict=True)}
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    good = said.get("good", said["bad"])
    what, why, mend = (said[name].replace("\n", " ") for name in ("what", "why", "mend"))
    return Explanation(
        code, summary, what, why, mend, _example("bad", said["bad"], files), _example("good", good, files)
    )


def normal(word: str) -> str | None:
    """What somebody means by `AIVP0203`, `aivp0203` or `0203`, whether or not there is one; None for other words."""
    found = re.fullmatch(r"(?i)(?:aivp)?([0-9]{3,4})", word)
    if found:
        return f"AIVP{found[1]:0>4}"
    return word if word.startswith("AIVP") else None


def _example(side: str, said: str, files: Mapping[str, str]) -> Example:
    """A file `both/x` belongs to either side, unless that has one of its own. The project's root comes first."""
    found = {
        name.removeprefix(prefix): text
        for prefix in ("both/", f"{side}/")
        for name, text in files.items()
        if name.startswith(prefix)
    }
    own = dict(sorted(found.items(), key=lambda item: item[0] != "aivp.yaml"))
    lines = said.split("\n")
    if not said.startswith("$ "):
        return Example(own, (), " ".join(lines))
    return Example(own, tuple(line.removeprefix("$ ") for line in lines))
