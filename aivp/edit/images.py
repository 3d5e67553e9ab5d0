"""The catalogue of images of a project: the value `images`, in whichever of its documents stands that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aivp.config.project import Project
from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.rewrite import read_own, rewrite
from aivp.edit.yaml import dump, escaped, with_member
from aivp.model.address import NAME
from aivp.model.images import VALUE, Entry, read_entry

FILE = "images.yaml"
"""Where a catalogue begins."""
_HEAD = "Images that this project knows, each pinned by its digest. `aivp image catalogue` keeps this file."


def read_catalogue(project: Project) -> dict[str, Entry]:
    """Its entries by name. Raises Refused (AIVP0670) with all that is wrong."""
    declared = project.values.get(VALUE)
    if declared is None:
        return {}
    found: dict[str, Entry] = {}
    flaws = Diagnostics()
    if not isinstance(declared.value, Mapping):
        raise refusal("AIVP0670", f"The value {VALUE} is no mapping of names to images.")
    for name, value in sorted(declared.value.items()):
        entry = read_entry(name, value)
        if isinstance(entry, Entry):
            found[name] = entry
            continue
        mend = "Write it as: NAME: {url: https://…, sha256: …}"
        flaws.add(Diagnostic("AIVP0670", f"{VALUE}.{name} {entry}", mend, span=declared.span(name)))
    flaws.refuse()
    return found


def add_entry(root: Path, project: Project, entry: Entry) -> tuple[str, bool]:
    """Write one more entry: the file that has it, and whether the project includes that. Raises Refused."""
    if not re.fullmatch(NAME, entry.name):
        why = f"{entry.name[:60]!r} is no name: a small letter, then small letters, digits, _ and -."
        raise refusal("AIVP0129", why)
    declared = project.values.get(VALUE)
    if declared is not None:
        if entry.name in read_catalogue(project):
            where = declared.span(entry.name)
            why = f"{entry.name} is in the catalogue already, at {where}."
            raise refusal("AIVP0674", why, "Choose another name, or change that entry by hand.")
        file = declared.span().file
        if not file.endswith((".yaml", ".yml")):
            why = f"The catalogue stands in {file}, which is not YAML."
            raise refusal("AIVP0670", why, "Add the entry there by hand.")
        path = str(root / file)
        before = read_own(path)
        rewrite(path, before, with_member(before, ("values", VALUE), entry.name, escaped(entry.form())))
        return file, True
    path = str(root / FILE)
    if (root / FILE).exists() or (root / FILE).is_symlink():
        before = read_own(path)
        rewrite(path, before, with_member(before, ("values", VALUE), entry.name, escaped(entry.form())))
    else:
        (root / FILE).write_bytes(dump({"values": {VALUE: {entry.name: escaped(entry.form())}}}, _HEAD))
    return FILE, False
