"""A static Ansible inventory on disk → a tree: the file, or every file of a folder, with group_vars and host_vars."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aivp.config.foreign import BadForeign, Foreign, read_foreign
from aivp.diagnostics import Diagnostic
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.inventory.ini import read_ini
from aivp.edit.inventory.structures import read_yaml
from aivp.edit.inventory.tree import Group, Member, Setting, Settings, Tree

MAX_BYTES = 16 * 1024 * 1024
MOST_FILES = 20_000
VAULT = b"$ANSIBLE_VAULT;"

_STRUCTURED = (".yml", ".yaml", ".json")
_IGNORED = (".orig", ".cfg", ".retry", ".pyc", ".pyo", ".swp", ".bak", "~", ".md", ".rst")
_FOLDERS = ("group_vars", "host_vars")


def read_static(path: Path, shown: str) -> tuple[Tree, list[Diagnostic]]:
    """The tree, and a warning for each file that stays sealed. shown: what messages call `path`. Raises Refused."""
    tree = Tree()
    reader = _Reader(tree)
    if path.is_dir():
        for name in sorted(item.name for item in path.iterdir() if item.name not in _FOLDERS):
            if not name.startswith(".") and not name.endswith(_IGNORED):
                reader.inventory(path / name, f"{shown.rstrip('/')}/{name}")
        base, prefix = path, f"{shown.rstrip('/')}/"
    else:
        reader.inventory(path, shown)
        base, prefix = path.parent, shown[: len(shown) - len(path.name)]
    reader.beside(base, prefix)
    return tree, reader.warnings


class _Reader:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.warnings: list[Diagnostic] = []
        self.files = 0

    def inventory(self, path: Path, shown: str) -> None:
        if path.is_dir():
            return
        data = self._read(path, shown)
        if data.startswith(b"#!"):
            mend = f"Run it, and record what it answers: aivp hosts record -- {shown} --list"
            raise refusal("AIVP0231", f"{shown} is a program.", mend)
        if data.startswith(VAULT):
            self._seal(shown)
        elif path.suffix in _STRUCTURED:
            read_yaml(_structured(data, shown), shown, self.tree)
        else:
            read_ini(_text(data, shown), shown, self.tree)

    def beside(self, base: Path, prefix: str) -> None:
        """What group_vars and host_vars say of groups and hosts that there are."""
        groups: Mapping[str, Group | Member] = self.tree.groups
        for folder, owners in ((_FOLDERS[0], groups), (_FOLDERS[1], self.tree.hosts)):
            for name, owner in owners.items():
                if name not in (".", "..") and "/" not in name:
                    owner.files.update(self._variables(base / folder, name, f"{prefix}{folder}"))

    def _variables(self, folder: Path, name: str, prefix: str) -> Settings:
        """Of a file with that name, or of every file of such a folder: the first that there is, in Ansible's order."""
        found: Settings = {}
        try:
            path = next((p for suffix in ("", *_STRUCTURED) if (p := folder / f"{name}{suffix}").exists()), None)
            for file in () if path is None else _files(path) if path.is_dir() else (path,):
                found.update(self._file(file, folder, f"{prefix}/{file.relative_to(folder)}"))
        except OSError as error:
            raise refusal("AIVP0903", f"{prefix}/{name} cannot be read: {error.strerror}.") from None
        return found

    def _file(self, path: Path, folder: Path, shown: str) -> Settings:
        if not path.resolve().is_relative_to(folder.resolve().parent):
            raise refusal("AIVP0230", f"{shown} leads out of the inventory's folder.", "Put the file itself there.")
        data = self._read(path, shown)
        if data.startswith(VAULT):
            self._seal(shown)
            return {}
        content = _structured(data, shown)
        if content.value is None:
            return {}
        if not isinstance(content.value, dict):
            raise refusal("AIVP0230", f"{shown}: it is no mapping of variables.")
        return {name: Setting(value, f"{shown}:{content.line(name)}") for name, value in content.value.items()}

    def _read(self, path: Path, shown: str) -> bytes:
        self.files += 1
        if self.files > MOST_FILES:
            raise refusal("AIVP0230", f"The inventory has more than {MOST_FILES:,} files.")
        try:
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe might never end
                    raise refusal("AIVP0903", f"{shown} is no regular file.", "For what a program prints: -- ARGV.")
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise refusal("AIVP0903", f"{shown} cannot be read: {error.strerror}.") from None
        if len(data) > MAX_BYTES:
            raise refusal("AIVP0903", f"{shown} is larger than {MAX_BYTES >> 20} MiB.")
        return data

    def _seal(self, shown: str) -> None:
        mend = "Declare what you need of it under secrets."
        why = f"{shown} is a vault: nothing of it is recorded."
        self.warnings.append(Diagnostic("AIVP0620", why, mend, severity="warning"))


def structure(data: bytes, shown: str) -> Any:
    """The value of JSON or YAML text. Raises Refused."""
    return _structured(data, shown).value


def _structured(data: bytes, shown: str) -> Foreign:
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return Foreign(json.loads(data))
        except (ValueError, RecursionError):
            pass  # YAML in flow style, or nothing at all: the other reader says what is wrong
    try:
        return read_foreign(data)
    except BadForeign as error:
        place = f"{shown}:{error.line}" if error.line else shown
        raise refusal("AIVP0230", f"{place}: {error}.") from None


def _text(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refusal("AIVP0230", f"{shown} is no text in UTF-8.") from None


def _files(folder: Path) -> Iterator[Path]:
    """As Ansible goes through a folder of variables: files by name, folders too, hidden and foreign ones left out."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.startswith(".") or item.name.endswith("~"):
            continue
        if item.is_dir() and not item.is_symlink():
            yield from _files(item)
        elif item.is_file() and item.suffix in ("", *_STRUCTURED):
            yield item
