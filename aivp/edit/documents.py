"""A project's folder → the files that people wrote for it, in all its environments: YAML documents and CUE packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aivp.config.documents import read_includes, read_root
from aivp.config.files import entries
from aivp.config.project import Declared
from aivp.diagnostics import Diagnostics, Refused


@dataclass(frozen=True, slots=True)
class Documents:
    """Paths in the project, the root document first. `flaws`: what is wrong with others, which are not listed."""

    yaml: tuple[str, ...]
    cue: tuple[str, ...]
    flaws: Diagnostics


def find_documents(root: Path) -> Documents:
    """Every file that some environment of the project at `root` includes. Raises Refused without a root document."""
    flaws = Diagnostics()
    document = read_root(root, flaws)
    yaml: dict[str, None] = {}
    folders: dict[str, None] = {}
    for environment in (None, *_environments(document.content)):
        reading = read_includes(document, environment, root, flaws)
        yaml |= {item.file: None for item in reading.documents if not item.file.endswith(".json")}
        folders |= {item.folder: None for item in reading.packages}
    cue = [path for folder in folders for path in _sources(root, folder, flaws)]
    return Documents(tuple(yaml), tuple(cue), flaws)


def _environments(root: Declared) -> list[Declared]:
    declared = root.value.get("environments")
    if type(declared) is not dict:
        return []
    path = (*root.path, "environments")
    return [Declared(part, (*path, name), root.spans) for name, part in declared.items() if type(part) is dict]


def _sources(root: Path, folder: str, flaws: Diagnostics) -> list[str]:
    try:
        return [f"{folder}/{name}" for name, kind in entries(root, folder) if kind == "file" and name.endswith(".cue")]
    except Refused as refused:
        flaws.items.extend(refused.diagnostics)
        return []
