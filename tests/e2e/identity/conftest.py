"""A world with a ledger in it: a third-party provider that assigns the ids of its entries, and a book to keep them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults.world import World

LEDGER = Path(__file__).parent / "ledger"
HEAD = """
aivp: v1
project: books
variables: {root: {type: string}}
hosts: {here: {transport: local}}
"""


class Books(World):
    """A project whose entries lie in target/; `provider` is a copy of the ledger's program that tests may change."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.provider = root / "providers/ledger"
        shutil.copytree(LEDGER, self.provider)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "AIVP_PROVIDERS": str(self.provider.parent)}

    def entries(self, *, more: str = "", **fields: str) -> None:
        """Declare the entries `name: fields` as they stand; `more` are further sections."""
        lines = "".join(
            f'  ledger/entry.{name}: {{host: here, book: "${{var.root}}/target", {text}}}\n'
            for name, text in fields.items()
        )
        self.declare(f"{HEAD}resources:\n{lines or '  noop.a: {host: here}'}\n{more}")

    def book(self) -> dict[str, str]:
        """Number → title of what is there."""
        return {path.stem: json.loads(path.read_text())["title"] for path in sorted(self.target.glob("*.json"))}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Address → row of the state."""
        found = [json.loads(str(body)) for (body,) in self.state_rows("SELECT body FROM objects ORDER BY address")]
        return {row["address"]: row for row in found}

    def claims(self) -> list[tuple[object, ...]]:
        """(identity, address, provenance) of what the host remembers."""
        return self.host_rows("SELECT identity, address, provenance FROM registry ORDER BY address, identity")

    def asked(self) -> list[str]:
        """What the provider was asked to do."""
        (log,) = self.host.glob("work/ledger/log")
        return [line for line in log.read_text().splitlines() if not line.startswith("observe")]

    def install(self, version: str, schema_version: int, *capabilities: str) -> None:
        """Install another version of the provider. In the first form of its kind a title was a name."""
        document = json.loads((LEDGER / "manifest.json").read_text())
        document["version"] = version
        document["start"]["any"][2:] = [version, str(schema_version), *capabilities]
        kind = document["kinds"]["ledger/entry"]
        kind["schema_version"] = schema_version
        if schema_version == 1:
            schema = kind["schema"]
            schema["properties"]["name"] = schema["properties"].pop("title")
            schema["required"] = ["book", "name"]
        (self.provider / "manifest.json").write_text(json.dumps(document))

    def settled(self) -> None:
        """There is nothing to do."""
        result = self.aivp("plan", "--detailed-exitcode")
        assert result.code == 0, result.text


@pytest.fixture
def books(tmp_path: Path, warm: Callable[[Path], None]) -> Iterator[Books]:
    made = Books(tmp_path / "world")
    warm(made.host)
    yield made
    made.clean_up()
