"""A project's folder → what its files become in the language that this aivp reads. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aivp.config.documents import read_root
from aivp.config.nodes import compose
from aivp.config.requirements import LANGUAGE
from aivp.config.scalars import describe
from aivp.diagnostics import Diagnostics, Span
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.documents import find_documents
from aivp.edit.fmt.formatted import comments, read
from aivp.edit.migrate.steps import STEPS, Step, migrated
from aivp.edit.rewrite import read_own

CODE = "AIVP0961"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One file: its path in the project, its bytes and what becomes of them."""

    path: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Migration:
    """`files` that change, the root document last: until it is written, the project is of the old version and the
    command can be repeated. `others`: CUE files, which people look at themselves.
    """

    version: str
    steps: Sequence[Step]
    files: Sequence[Rewritten]
    others: Sequence[str]


def plan_migration(root: Path) -> Migration:
    """What is to be done. Raises Refused: a file cannot be read, or no step leads from its version to ours."""
    found = Diagnostics()
    document = read_root(root, found).content
    version = document.value.get("aivp")
    steps = _way(version, document.span("aivp"))
    documents = find_documents(root)
    documents.flaws.refuse()
    paths = [*documents.yaml[1:], documents.yaml[0]]
    files = [_rewritten(root, path, steps) for path in paths] if steps else []
    changed = [item for item in files if item.before != item.after]
    return Migration(str(version), steps, changed, documents.cue if steps else ())


def _way(version: object, span: Span) -> list[Step]:
    steps: list[Step] = []
    while version != LANGUAGE:
        if type(version) is not str or version not in STEPS:
            said = "says no version" if version is None else f"is of {describe(version)}"
            mend = f"Steps lead from {', '.join(sorted(STEPS))} to {LANGUAGE}. A newer one needs a newer aivp."
            raise refusal(CODE, f"The project {said}, and no step leads from there.", mend, span=span)
        steps.append(STEPS[version])
        version = steps[-1].to
    return steps


def _rewritten(root: Path, path: str, steps: Sequence[Step]) -> Rewritten:
    """Held to what a migration promises: the result is YAML to the language, and every comment is there."""
    before = read_own(str(root / path))
    text = before.decode()
    for step in steps:
        text = migrated(text, compose(text), step)
    read(text.encode(), path)
    if list(comments(text)) != list(comments(before.decode())):
        raise refusal(CODE, f"{path} would lose a comment.", "Nothing is written. Please report it, with the file.")
    return Rewritten(path, before, text.encode())
