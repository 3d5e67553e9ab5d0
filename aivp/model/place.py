"""Where the state of an environment lives: a folder for SQLite, or a schema of a PostgreSQL database.

A place is a name and never a secret: what logs a connection in is in the process environment, and only the names of
variables stand here. It belongs to no IR and no plan: state that moves changes no byte of either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from aivp_contract.values import Json

FOLDER = ".aivp"
"""Where state lies that nobody has given another place; and the runs' logs of any state."""

LONGEST_NAME = 63
"""Bytes of an identifier of PostgreSQL; what is longer it would cut off in silence."""


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """`folder`/ENVIRONMENT/state.db; `folder` is absolute, or starts at the project's root."""

    folder: str = FOLDER

    def form(self) -> dict[str, Json]:
        """As it is declared."""
        return {"sqlite": self.folder}

    def __str__(self) -> str:
        return f"sqlite in {self.folder}"


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """`settings`: as declared under `state: {postgres: …}`; libpq's own environment says the rest."""

    settings: Mapping[str, Json] = field(default_factory=dict)

    def form(self) -> dict[str, Json]:
        """As it is declared."""
        return {"postgres": dict(sorted(self.settings.items()))}

    def text(self, name: str) -> str | None:
        """A setting that is text."""
        found = self.settings.get(name)
        return None if found is None else str(found)

    def seconds(self, name: str, otherwise: int) -> int:
        """A setting that is a time."""
        return int(self.settings.get(name, otherwise))

    def variable(self, name: str) -> str | None:
        """The environment variable that `password` or `dsn` is taken from."""
        found = self.settings.get(name)
        return None if found is None else str(found["env"])

    def schema(self, project: str, environment: str) -> str:
        """The schema of one environment; a name that is too long keeps its start and gets a digest."""
        name = f"{self.text('schema') or f'aivp_{project}'}_{environment}"
        if len(name) <= LONGEST_NAME:
            return name
        return f"{name[: LONGEST_NAME - 13]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"

    def __str__(self) -> str:
        said = [f"{name} {self.settings[name]}" for name in ("service", "host", "port", "database") if self.text(name)]
        said += [f"the DSN in {name}" for name in (self.variable("dsn"),) if name]
        return f"postgres ({', '.join(said) or 'as PGHOST and PGDATABASE say'})"


Place = SqlitePlace | PostgresPlace

DEFAULT = SqlitePlace()


def is_private(place: Place) -> bool:
    """True for a place inside of the checkout, so that whoever wrote the project reaches nothing else by it."""
    match place:
        case SqlitePlace():
            return not place.folder.startswith("/") and ".." not in place.folder.split("/")
        case PostgresPlace():
            return False
        case _:
            assert_never(place)


def variables(place: Place) -> set[str]:
    """The environment variables that log in there, which no program of the project may see."""
    if isinstance(place, SqlitePlace):
        return set()
    return {"PGPASSWORD"} | {name for name in map(place.variable, ("password", "dsn")) if name}
