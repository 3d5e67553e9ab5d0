"""What a back end offers to the state above it. SQL is common to both: `?` stands for a value, words are standard.

A back end turns its own complaints into Refused, and knows nothing of objects and runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aivp.model.place import Place

Row = tuple[Any, ...]

VERSION = 1
"""The format of the tables. A released one is migrated, never edited."""


class Writer(Protocol):
    """One transaction. Nothing comes back from it, so that a back end behind a link may send it as one message."""

    def execute(self, query: str, *values: object) -> None:
        """One statement."""

    def many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each row."""


class Database(Protocol):
    """An open database of one environment. Used from one thread at a time."""

    @property
    def place(self) -> Place:
        """Where it is."""

    def rows(self, query: str, *values: object) -> list[Row]:
        """What a query finds."""

    def transaction(self, what: str) -> AbstractContextManager[Writer]:
        """All or nothing, and durable when it is left. `what`: a word for messages."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Queries in it see one moment."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Alone at work; free again as soon as this process is gone. Raises Refused where another one is."""

    def problems(self) -> list[str]:
        """What the back end itself finds wrong with its files."""

    def close(self) -> None:
        """Let go of it; never fails."""
