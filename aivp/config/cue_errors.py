"""cue's messages → complaints with positions in the project's files.

The form: a line with a path, a colon and a message; then lines of four spaces and `file:line:column`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from aivp.config.cue import INPUT
from aivp.config.staging import Module
from aivp.diagnostics import Diagnostic, Related, Span

MAX_REPORTED = 50

_POSITION = re.compile(r"    (\S.*):([0-9]+):([0-9]+)")
_LABEL = re.compile(r'"(?:[^"\\]|\\.)*"|[^.:"\s]+')


@dataclass(slots=True)
class Complaint:
    """One message with the positions that contributed to it, as (file, line, column) in cue's own spelling."""

    message: str
    positions: list[tuple[str, int, int]] = field(default_factory=list)

    def path(self) -> tuple[str, ...] | None:
        """The path that the message starts with, None where it starts with none."""
        labels: list[str] = []
        at = 0
        while match := _LABEL.match(self.message, at):
            label, at = match[0], match.end()
            try:
                labels.append(json.loads(label) if label.startswith('"') else label)
            except ValueError:
                return None
            if self.message[at : at + 2] == ": ":
                return tuple(labels)
            if self.message[at : at + 1] != ".":
                return None
            at += 1
        return None


def complaints(text: str) -> Iterator[Complaint]:
    """Every complaint in what cue printed."""
    current: Complaint | None = None
    for line in text.splitlines():
        if current is not None and (position := _POSITION.fullmatch(line)):
            current.positions.append((position[1], int(position[2]), int(position[3])))
        elif current is not None and line.startswith(" "):
            current.message += " " + line.strip()
        elif line.strip():
            if current is not None:
                yield current
            current = Complaint(line.removesuffix(":"))
    if current is not None:
        yield current


def spans_in_project(complaint: Complaint, module: Module) -> list[Span]:
    """The positions that lie in the module's own files, those in the package's folder last."""
    own = [(file[2:], line, column) for file, line, column in complaint.positions if file.startswith("./")]
    own = [place for place in own if place[0] in module.files]
    own.sort(key=lambda place: place[0].rpartition("/")[0] == module.package)  # stable: else as cue orders them
    return [Span(module.in_project(file), line, column) for file, line, column in own]


def diagnostics(text: str, module: Module, fallback: Span) -> list[Diagnostic]:
    """The refusal of a package, complaint by complaint."""
    found = [_diagnostic(item, module, fallback) for item in complaints(text) if not _is_heading(item)]
    if len(found) > MAX_REPORTED:
        rest = len(found) - MAX_REPORTED
        found[MAX_REPORTED:] = [
            Diagnostic("AIVP0119", f"CUE has {rest} more complaints.", "Mend these first.", fallback)
        ]
    return found or [Diagnostic("AIVP0153", "cue refused the package without a word.", "", fallback)]


def _is_heading(complaint: Complaint) -> bool:
    """`2 errors in empty disjunction` is followed by those errors."""
    return not complaint.positions and complaint.message.endswith("errors in empty disjunction")


def _diagnostic(complaint: Complaint, module: Module, fallback: Span) -> Diagnostic:
    spans = spans_in_project(complaint, module)[::-1]
    mend = ""
    if any(file == INPUT for file, _, _ in complaint.positions):
        mend = "aivp gives `input.env` and `input.var` (the declared variables) to the package."
    if "cannot find module" in complaint.message or "registry" in complaint.message:
        mend = "aivp fetches no modules: keep what a package imports within its module, foreign code in cue.mod/pkg."
    message = complaint.message[:500]
    why = f"CUE: {message}" + ("" if message.endswith((".", "!", "?")) else ".")
    related = tuple(Related(span, "contributes to it") for span in spans[1:6])
    return Diagnostic("AIVP0153", why, mend, spans[0] if spans else fallback, related=related)
