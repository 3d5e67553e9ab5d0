"""Every token that means something shows in the digest; how a project is written down does not."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aivp_contract import canonical

from aivp.engine import Engine

from .project import CUE, TEMPLATE, declaration, write

ROOT = Path("/srv/things")


def digest(place: Path) -> str:
    return canonical.digest_bytes(Engine(place).ir.encode())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("plain")
    write(place, declaration(ROOT), ROOT, with_cue=False)
    return digest(place)


Way = tuple[Any, ...]


@dataclass(frozen=True)
class Edit:
    """One token of the project, at `way`, becomes `new`; the token is the last key itself where `is_key`."""

    way: Way
    new: Any
    is_key: bool = False

    def __str__(self) -> str:
        return ".".join(map(str, self.way)) + (" (key)" if self.is_key else "")

    def on(self, data: dict[str, Any]) -> dict[str, Any]:
        """The project after the edit."""
        edited = copy.deepcopy(data)
        inner = edited
        for part in self.way[:-1]:
            inner = inner[part]
        last = self.way[-1]
        if self.is_key:
            items = [(self.new if key == last else key, value) for key, value in inner.items()]
            inner.clear()
            inner.update(items)
        else:
            inner[last] = self.new
        return edited


SKIPPED = (
    ("aivp",),
    ("variables", "workers", "type"),
    ("variables", "title", "type"),
    ("values", "list", 0),
    ("hosts", "alpha", "vars"),
    ("hosts", "delta", "vars"),
    ("resources", "file.never"),
    ("resources", "file.facts", "when", "any", 1),
)
"""Tokens without a meaning here: how a value is typed, what nothing reads, what a condition on variables leaves out."""

KEYS = {
    ("resources", "file.copied"): "file.other",
    ("resources", "noop.next"): "noop.last",
    ("resources", "noop.named", "triggers", "q"): "z",
    ("resources", "noop.named", "for_each", "z z"): "z-z",
    ("resources", "command.once", "env", "A"): "Z",
    ("resources", "command.reload", "meta", "labels", "team"): "group",
}
"""Names that nothing else refers to, or whose reference may change along."""


def scalars(value: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from scalars(item, (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from scalars(item, (*way, index))
    else:
        yield way, value


def edits() -> list[Edit]:
    """Every edit of one scalar that leaves a valid project, found by a table of what may stand where."""
    found = []
    for way, value in scalars(declaration(ROOT)):
        new = _other(way, value)
        if new is not None and not any(way[: len(skipped)] == skipped for skipped in SKIPPED):
            found.append(Edit(way, new))
    return found + [Edit(way, new, is_key=True) for way, new in KEYS.items()]


def _other(way: Way, value: Any) -> Any:
    """Another value for a token, None where any other is an error or another edit has it already."""
    name, section = way[-1], way[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    special = {
        "transport": None, "host": None, "role": None, "from": "file.previous", "to": "file.page", "template": None,
        "source": None, "state": None, "env": "OTHER_DB", "mode": "0604", "host.facts.user.is_root": None,
        "address": "noop.pensioned", "timeout": "3m", "project": "other", "file": "keys/other",
        "creates": "/srv/elsewhere", "path": f"{value}-x",
    }  # fmt: skip
    if name in special:
        return special[name]
    if section == "groups" or "ignore_changes" in way:
        return "mode" if section != "groups" and way[-1] == 0 and "file" in way[1] else None
    if "depends_on" in way:
        return "noop.named[a]"
    if "notify" in way:
        return None
    return f"{value}!" if "${" not in value else f"{value} !" if way[-1] in ("content", "input") else None


@pytest.mark.parametrize("edit", edits(), ids=str)
def test_an_edit_of_meaning_changes_the_digest(edit: Edit, plain: str, tmp_path: Path) -> None:
    write(tmp_path, edit.on(declaration(ROOT)), ROOT, with_cue=False)
    assert digest(tmp_path) != plain


def test_there_are_enough_of_them() -> None:
    assert len(edits()) >= 50


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("templates/list.j2", "worker {{", "Worker {{"),
        ("templates/list.j2", "endfor %}", "endfor -%}"),
        ("templates/page.j2", "h1", "h2"),
        ("files/copied.txt", "is\n", "is"),
    ],
)
def test_an_edit_of_content_changes_the_digest(name: str, old: str, new: str, plain: str, tmp_path: Path) -> None:
    write(tmp_path, declaration(ROOT), ROOT, with_cue=False)
    path = tmp_path / name
    path.write_text(path.read_text().replace(old, new, 1))
    assert digest(tmp_path) != plain


def test_an_edit_of_cue_changes_the_digest(tmp_path: Path) -> None:
    found = set()
    tokens = [
        ("", ""),
        ('"cue"', '"CUE"'),
        ('"y"]', '"z"]'),
        ('host: "beta"', 'host: "delta"'),
        ("cue.conf", "cue.cfg"),
    ]
    for index, (old, new) in enumerate(tokens):
        place = tmp_path / str(index)
        write(place, declaration(ROOT), ROOT)
        text = "".join(CUE).replace("ROOT", str(ROOT))
        assert old in text
        (place / "site/site.cue").write_text(text.replace(old, new, 1))
        found.add(digest(place))
    assert len(found) == len(tokens)


@pytest.mark.parametrize("seed", range(10))
def test_another_way_to_write_it_down_changes_nothing(seed: int, plain: str, tmp_path: Path) -> None:
    write(tmp_path, declaration(ROOT), ROOT, seed, with_cue=False)
    assert digest(tmp_path) == plain


def test_comments_and_lines_change_nothing(plain: str, tmp_path: Path) -> None:
    write(tmp_path, declaration(ROOT), ROOT, with_cue=False)
    chance = random.Random(7)
    for path in [tmp_path / "aivp.yaml", *(tmp_path / "parts").iterdir()]:
        spread = re.sub(
            r"(?m)^( *[\w.-]+: [\w/-]+)$(?=\n *[\w.-]+:)",
            lambda found: found[1] + chance.choice(["", "   ", " # why", "\n\n", "\n   # why"]),
            path.read_text(),
        )
        assert spread.count("\n") > path.read_text().count("\n") or path.name != "aivp.yaml"
        path.write_text("# first\n\n" + spread + "\n# last\n\n")
    assert digest(tmp_path) == plain


def test_an_unused_file_changes_nothing(plain: str, tmp_path: Path) -> None:
    write(tmp_path, declaration(ROOT), ROOT, with_cue=False)
    (tmp_path / "templates/other.j2").write_text(TEMPLATE)
    (tmp_path / "README").write_bytes(b"\xff")
    assert digest(tmp_path) == plain
