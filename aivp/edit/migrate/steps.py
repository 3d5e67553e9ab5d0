"""The steps from one version of the language to the next: what changes in the words of a document.

A step gives edits of the text, so that comments, quotes and layout stay; a document that it went over gets none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aivp.config.nodes import Node
from aivp.edit.migrate import v0


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """to: the version that it leads to; about: what changes, a line for each."""

    to: str
    about: tuple[str, ...]
    edits: Callable[[Node, str], Iterator[tuple[int, int, str]]]


STEPS: Mapping[str, Step] = {"v0": Step("v1", v0.ABOUT, v0.edits)}
"""Version → the step that leads on from it."""


def migrated(text: str, root: Node | None, step: Step) -> str:
    """`text` after one step."""
    if root is None:
        return text
    done, end = [], 0
    for edit in sorted(Edit(*item) for item in step.edits(root, text)):
        done += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*done, text[end:]])
