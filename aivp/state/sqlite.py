"""A state in SQLite (WAL, synchronous=FULL), with a lock file beside it. The sole door of sqlite3."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import SqlitePlace
from aivp.state.database import VERSION, Row
from aivp.state.folders import prepare, prepare_default
from aivp.state.schema import SQLITE, owner_rows, refuse_newer, refuse_other

FILE = "state.db"


class Sqlite:
    """The open file."""

    def __init__(self, connection: sqlite3.Connection, place: SqlitePlace, folder: Path) -> None:
        self.connection = connection
        self.place = place
        self.folder = folder

    @classmethod
    def open(cls, place: SqlitePlace, root: Path, project: str, environment: str) -> Sqlite:
        """Open or create. Raises Refused where the place or the format does not allow it."""
        folder = _prepare(place, root, environment)
        path = folder / FILE
        with _mendable(environment):
            path.touch(mode=0o600)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            _migrate(connection, project, environment)
        return cls(connection, place, folder)

    @classmethod
    def open_existing(cls, place: SqlitePlace, root: Path, project: str, environment: str) -> Sqlite | None:
        """Open what is there; None where this environment has no state yet. Creates nothing."""
        is_there = (root / place.folder / environment / FILE).exists()
        return cls.open(place, root, project, environment) if is_there else None

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def rows(self, query: str, *values: object) -> list[Row]:
        """What a query finds."""
        with _mendable("read"):
            return self.connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def transaction(self, what: str) -> Iterator[_Writer]:
        """All or nothing; one fsync of the log when it is left."""
        with _mendable(what), self._between("BEGIN IMMEDIATE"):
            yield _Writer(self.connection)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Queries in it see one moment."""
        with _mendable("read"), self._between("BEGIN"):
            yield

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock file, which the kernel lets go of with the process."""
        with _mendable("lock"):
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise refusal(
                    "AIVP0511", "Another command is at work on this state.", "Wait for it to end, then try again."
                ) from None
            yield
        finally:
            os.close(descriptor)

    def problems(self) -> list[str]:
        """SQLite's own check of pages and indexes."""
        found = [str(text) for (text,) in self.rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    @contextlib.contextmanager
    def _between(self, begin: str) -> Iterator[None]:
        self.connection.execute(begin)
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise


class _Writer:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, query: str, *values: object) -> None:
        self.connection.execute(query, values)

    def many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        self.connection.executemany(query, rows)


def _prepare(place: SqlitePlace, root: Path, environment: str) -> Path:
    if place == SqlitePlace():
        return prepare_default(root, environment)
    return prepare(root / place.folder, environment)


def _migrate(connection: sqlite3.Connection, project: str, environment: str) -> None:
    """Bring an empty file to today's format. Raises Refused for a newer one, or one of another project."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    refuse_newer(version)
    if version == 0:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in SQLITE:
                connection.execute(statement)
            connection.executemany("INSERT INTO meta VALUES (?,?)", owner_rows(project, environment))
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    owner = connection.execute("SELECT key, value FROM meta WHERE key IN ('project', 'environment')")
    refuse_other(dict(owner), project, environment)


@contextlib.contextmanager
def _mendable(what: str) -> Iterator[None]:
    """SQLite's own complaints as diagnostics: a full disk, a read-only folder, a file that is no database."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise refusal(
            "AIVP0705",
            f"The state cannot be read or written ({what}): {error}.",
            "See whether its disk is full or failing. Nothing of the last commit is lost.",
        ) from None
