"""The root document and all that it includes, each read once; CUE packages are found here and exported later.

Paths of includes are relative to the project's root wherever they stand, so that moving a declaration from one file
to another changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aivp.config import yaml
from aivp.config.files import entry_type, read_bytes, split
from aivp.config.globs import expand, is_pattern
from aivp.config.project import Declared
from aivp.config.shape import inner, is_of, is_text_list
from aivp.diagnostics import Diagnostics, Refused, Related, Span

ROOT = "aivp.yaml"
MAX_FILES = 10_000
MAX_TOTAL = 128 * 1024 * 1024
"""Bytes of all documents of a project together."""

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Document:
    """One document as a declaration at its root; `file` is its path in the project."""

    file: str
    content: Declared
    origin: Literal["root", "yaml", "cue"]


@dataclass(frozen=True, slots=True)
class Package:
    """A directory that is included as a CUE package, and where that is written."""

    folder: str
    span: Span


@dataclass(slots=True)
class Reading:
    """What has been read so far. `included`: path → where it was; `includer`: path → the file that names it."""

    root: Path
    found: Diagnostics
    documents: list[Document] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    included: dict[str, Span] = field(default_factory=dict)
    includer: dict[str, str] = field(default_factory=dict)
    total: int = 0


def read_root(root: Path, found: Diagnostics) -> Document:
    """`aivp.yaml`. Raises Refused where it is missing, no YAML or no map."""
    document = _parse(Reading(root, found), ROOT, None)
    if document is None:
        raise Refused(found.sorted())
    return Document(ROOT, document, "root")


def read_includes(document: Document, environment: Declared | None, root: Path, found: Diagnostics) -> Reading:
    """Everything that the root document and the environment include, directly or not."""
    reading = Reading(root, found, [document], included={ROOT: Span(ROOT, 1, 1)})
    waiting = deque(_entries(document.content, found))
    if environment is not None:
        waiting.extend(_entries(environment, found))
    while waiting:
        entry = waiting.popleft()
        try:
            paths = _resolve(reading, entry)
        except Refused as error:
            found.items.extend(error.diagnostics)
            continue
        fresh = [path for path in paths if _is_new(reading, path, entry)]
        included = [item for path in fresh for item in _include(reading, path, entry)]
        waiting.extendleft(reversed(included))
        if len(reading.included) > MAX_FILES or reading.total > MAX_TOTAL:
            why = f"The project includes more than {MAX_FILES:,} files or {MAX_TOTAL >> 20} MiB."
            found.error("AIVP0105", why, span=entry.span())
            break
    return reading


def _entries(part: Declared, found: Diagnostics) -> list[Declared]:
    """The entries under `include:`."""
    if "include" not in part.value or part.value["include"] is None:
        return []
    listed = inner(part, "include")
    if not is_text_list(listed, "`include`", found):
        return []
    return [inner(listed, index) for index in range(len(listed.value))]


def _resolve(reading: Reading, entry: Declared) -> list[str]:
    """The paths that one entry stands for. A pattern never matches the root document or the file it stands in."""
    here = entry.span()
    if is_pattern(entry.value):
        return [path for path in expand(reading.root, entry.value, here) if path not in (ROOT, here.file)]
    return ["/".join(split(entry.value, here))]


def _is_new(reading: Reading, path: str, entry: Declared) -> bool:
    here = entry.span()
    if path not in reading.included:
        reading.included[path] = here
        reading.includer[path] = here.file
        return True
    chain = [here.file]
    while chain[-1] != path and chain[-1] in reading.includer:
        chain.append(reading.includer[chain[-1]])
    if chain[-1] == path:
        way = " → ".join([*reversed(chain[:10]), path])
        reading.found.error("AIVP0121", f"{path} includes itself: {way}.", "Remove this include.", span=here)
    else:
        first = Related(reading.included[path], "first included here")
        why = f"{path} is included a second time."
        reading.found.error("AIVP0121", why, "Remove one of the two.", span=here, related=[first])
    return False


def _include(reading: Reading, path: str, entry: Declared) -> list[Declared]:
    """Read one path; the entries that it includes in turn."""
    here = entry.span()
    try:
        if entry_type(reading.root, path, here) == "directory":
            reading.packages.append(Package(path, here))
            return []
    except Refused as error:
        reading.found.items.extend(error.diagnostics)
        return []
    if not path.endswith(_SUFFIXES):
        mend = (
            "Include the directory of a CUE package." if path.endswith(".cue") else "Rename it, or remove the include."
        )
        reading.found.error("AIVP0120", f"{path} is not a YAML file by its name.", mend, span=here)
        return []
    content = _parse(reading, path, here)
    if content is None:
        return []
    reading.documents.append(Document(path, content, "yaml"))
    return _entries(content, reading.found)


def _parse(reading: Reading, path: str, span: Span | None) -> Declared | None:
    try:
        data = read_bytes(reading.root, path, yaml.MAX_BYTES, span)
    except Refused as error:
        if path == ROOT:
            error = _without_root(error)
        reading.found.items.extend(error.diagnostics)
        return None
    reading.total += len(data)
    parsed = yaml.parse(data, path, reading.found)
    if parsed is None:
        return None
    content = Declared({} if parsed.value is None else parsed.value, (), parsed.spans)
    return content if is_of(content, "map", "A document", reading.found) else None


def _without_root(error: Refused) -> Refused:
    from dataclasses import replace

    mend = "Name the project's directory with -C, or write an aivp.yaml here (README.md has one of ten lines)."
    changed = [replace(item, mend=mend) if item.code == "AIVP0101" else item for item in error.diagnostics]
    return Refused(changed)
