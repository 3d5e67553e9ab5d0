"""What the host remembers: runs and their journal, the registry of claims, pending notifications, the epoch.

One SQLite database (WAL, synchronous=FULL), so that an outcome, its claim and the notifications it raises are one
commit. It holds ids, identities and digests, never a value of an attribute that is not part of an identity.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from aivp_contract import canonical
from aivp_contract.values import Json

from .outcome import RAISE, Outcome, Owner, identity_text

VERSION = 2
RUNS_KEPT = 50

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, project TEXT NOT NULL, environment TEXT NOT NULL, lineage TEXT NOT NULL,
    plan TEXT NOT NULL, epoch INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (
    run TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL, action TEXT NOT NULL,
    observed TEXT, PRIMARY KEY (run, step)) WITHOUT ROWID;
CREATE TABLE registry (
    kind TEXT NOT NULL, identity TEXT NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL,
    lineage TEXT NOT NULL, address TEXT NOT NULL, provenance TEXT NOT NULL, lifecycle TEXT NOT NULL,
    edges TEXT NOT NULL, declaration TEXT NOT NULL, secret_key TEXT, tainted TEXT NOT NULL,
    PRIMARY KEY (kind, identity, project, environment)) WITHOUT ROWID;
CREATE TABLE pending (
    project TEXT NOT NULL, environment TEXT NOT NULL, address TEXT NOT NULL,
    PRIMARY KEY (project, environment, address)) WITHOUT ROWID;
"""


_MIGRATIONS = {
    1: (
        "ALTER TABLE registry ADD COLUMN secret_key TEXT",
        "ALTER TABLE registry ADD COLUMN tainted TEXT NOT NULL DEFAULT '[]'",
    )
}
"""Format → what makes the next one of it."""


class HostStoreTooNew(Exception):
    """The database was written by a newer aivp."""


class HostStore:
    """The open database. `read_only` reads what is there and never creates anything."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, path: Path) -> HostStore:
        """Open for writing; create it with mode 0600 where it does not exist."""
        path.touch(mode=0o600)
        connection = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _migrate(connection)
        return cls(connection)

    @classmethod
    def read_only(cls, path: Path) -> HostStore:
        """Open what is there; an empty one in memory where nobody has finished to make one, a copy of an older one."""
        connection = _reader(path) if path.exists() else None
        if connection is not None and _version(connection) == VERSION:
            return cls(connection)
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if connection is not None:
            with contextlib.closing(connection):
                connection.backup(copy)
        _migrate(copy)
        return cls(copy)

    def close(self) -> None:
        """Close; an open transaction is rolled back."""
        self.connection.close()

    def begin(self, run: str, owner: Owner, plan: str, over: Iterable[str] = ()) -> int:
        """Record an open run under a new epoch, or continue one under another new epoch; the epoch comes back.

        over: runs that ended while this host could not be told.
        """
        with _Transaction(self.connection) as sql:
            sql.executemany("UPDATE runs SET status='ended' WHERE run=? AND status='open'", [(name,) for name in over])
            (last,) = sql.execute(
                "SELECT coalesce(max(cast(value AS INTEGER)), 0) FROM meta WHERE key='epoch'"
            ).fetchone()
            epoch = int(last) + 1
            sql.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (str(epoch),))
            sql.execute(
                "INSERT INTO runs VALUES (?,?,?,?,?,?,'open')"
                " ON CONFLICT (run) DO UPDATE SET epoch=excluded.epoch, status='open'",
                (run, *owner, plan, epoch),
            )
        return epoch

    def end(self, run: str, status: str) -> None:
        """Close a run and let the journal of old ones go."""
        with _Transaction(self.connection) as sql:
            sql.execute("UPDATE runs SET status=? WHERE run=?", (status, run))
            sql.execute(
                "DELETE FROM runs WHERE status<>'open' AND run NOT IN "
                "(SELECT run FROM runs ORDER BY epoch DESC LIMIT ?)",
                (RUNS_KEPT,),
            )
            sql.execute("DELETE FROM journal WHERE run NOT IN (SELECT run FROM runs)")

    def open_runs(self) -> List[Dict[str, Json]]:
        """Runs that nobody has closed, the oldest first."""
        rows = self.connection.execute(
            "SELECT run, project, environment, lineage, plan, epoch FROM runs WHERE status='open' ORDER BY epoch"
        )
        return [dict(zip(("run", "project", "environment", "lineage", "plan", "epoch"), row)) for row in rows]

    def journal(self, run: str) -> Dict[str, Dict[str, Json]]:
        """Step id → its latest entry: attempt, status (`intent` while open), action, observed digest."""
        rows = self.connection.execute(
            "SELECT step, attempt, status, action, observed FROM journal WHERE run=?", (run,)
        )
        return {row[0]: dict(zip(("attempt", "status", "action", "observed"), row[1:])) for row in rows}

    def intend(self, run: str, steps: Iterable[Tuple[str, int, str]], owner: Owner, raised: Iterable[str] = ()) -> None:
        """One commit: these (step, attempt, action) are about to have their effect; `raised` receivers are to act."""
        with _Transaction(self.connection) as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO journal VALUES (?,?,?,'intent',?,NULL)",
                [(run, step, attempt, action) for step, attempt, action in steps],
            )
            sql.executemany(RAISE, [(*owner[:2], address) for address in raised])

    def conclude(self, run: str, outcomes: Sequence[Outcome]) -> None:
        """One commit: outcomes, the claims they make or give up, the notifications they raise or settle."""
        with _Transaction(self.connection) as sql:
            for item in outcomes:
                sql.execute(
                    "INSERT OR REPLACE INTO journal VALUES (?,?,?,?,?,?)",
                    (run, item.step, item.attempt, item.status, item.action, item.observed),
                )
                for statement, values in item.statements:
                    sql.execute(statement, values)

    def registry(self, project: str, environment: str) -> List[Dict[str, Json]]:
        """Every claim of one project's environment, sorted."""
        rows = self.connection.execute(
            f"SELECT {_CLAIM} FROM registry WHERE project=? AND environment=? ORDER BY kind, identity",  # noqa: S608
            (project, environment),
        )
        return [_claim(row) for row in rows]

    def is_last_applied(self, item: Mapping[str, Json], owner: Owner) -> bool:
        """True where `item`'s config is, by its keyed digest, the one that this owner applied last."""
        row = self.connection.execute(
            "SELECT declaration FROM registry WHERE kind=? AND identity=? AND project=? AND environment=?",
            (item["kind"], identity_text(item["identity"]), *owner[:2]),
        ).fetchone()
        return row is not None and hmac.compare_digest(str(row[0]), self.keyed_digest(item["config"]))

    def secret_key(self, kind: str, identity: Json, owner: Owner) -> Optional[str]:
        """The id of the project key that this owner's claim has used, if it has."""
        row = self.connection.execute(
            "SELECT secret_key FROM registry WHERE kind=? AND identity=? AND project=? AND environment=?",
            (kind, identity_text(identity), *owner[:2]),
        ).fetchone()
        return None if row is None else row[0]

    def lineages(self, project: str, environment: str) -> List[str]:
        """Lineages under which this project's environment has claims here."""
        rows = self.connection.execute(
            "SELECT DISTINCT lineage FROM registry WHERE project=? AND environment=? ORDER BY lineage",
            (project, environment),
        )
        return [row[0] for row in rows]

    def others(self, kind: str, identity: str, project: str, environment: str) -> List[Dict[str, Json]]:
        """Claims of other projects or environments on the same identity."""
        rows = self.connection.execute(
            f"SELECT {_CLAIM} FROM registry WHERE kind=? AND identity=? AND NOT (project=? AND environment=?)"  # noqa: S608
            " ORDER BY project, environment",
            (kind, identity, project, environment),
        )
        return [_claim(row) for row in rows]

    def has_claims(self) -> bool:
        """True where anything is claimed at all."""
        return self.connection.execute("SELECT 1 FROM registry LIMIT 1").fetchone() is not None

    def adopt_lineage(self, project: str, environment: str, lineage: str) -> None:
        """Hand every claim of this project's environment to a new lineage; the old one is fenced off, its runs over."""
        with _Transaction(self.connection) as sql:
            sql.execute(
                "UPDATE runs SET status='abandoned' WHERE status='open' AND project=? AND environment=?",
                (project, environment),
            )
            sql.execute(
                "UPDATE registry SET lineage=? WHERE project=? AND environment=?", (lineage, project, environment)
            )

    def pending(self, project: str, environment: str) -> List[str]:
        """Addresses with a notification that has not been acted upon, sorted."""
        rows = self.connection.execute(
            "SELECT address FROM pending WHERE project=? AND environment=? ORDER BY address", (project, environment)
        )
        return [row[0] for row in rows]

    def keyed_digest(self, value: Json) -> str:
        """HMAC of `value`'s canonical bytes under this host's own key, so that nobody elsewhere can guess from it."""
        row = self.connection.execute("SELECT value FROM meta WHERE key='key'").fetchone()
        return hmac.new(bytes.fromhex(row[0]), canonical.encode(value), "sha256").hexdigest()


_CLAIM = "kind, identity, project, environment, lineage, address, provenance, lifecycle, edges, tainted, secret_key"


def _claim(row: Sequence[Any]) -> Dict[str, Json]:
    found = dict(zip(_CLAIM.split(", "), row))
    return {**found, **{name: json.loads(found[name]) for name in ("identity", "lifecycle", "edges", "tainted")}}


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing. In a folder that cannot be written SQLite has no place for its shared
    memory, so the file is read as it stands; a writer there would have left its journal beside it.
    """
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    return sqlite3.connect(
        f"file:{_uri_path(path)}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=30
    )


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == VERSION:
        return
    with _Transaction(connection) as sql:
        found = _version(connection)
        if found == 0:
            for statement in _SCHEMA.split(";"):
                sql.execute(statement)
            sql.execute("INSERT INTO meta VALUES ('key', ?)", (secrets.token_hex(32),))
        else:
            for version in range(found, VERSION):
                for statement in _MIGRATIONS[version]:
                    sql.execute(statement)
        sql.execute(f"PRAGMA user_version={VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    """The database's format, 0 for an empty one. Raises HostStoreTooNew."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise HostStoreTooNew(f"the host's database has format {version}, this aivp knows {VERSION}")
    return int(version)


def _uri_path(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self.connection.execute("BEGIN IMMEDIATE")
        return self.connection

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        try:
            if kind is None:
                self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:  # what did not become durable, for lack of space, did not happen
                self.connection.execute("ROLLBACK")
