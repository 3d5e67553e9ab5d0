"""The state of one environment in SQLite (WAL, synchronous=FULL). The sole door of sqlite3.

Every method is one transaction; an outcome's object row and its step record are committed together.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.model.expression import IR_TAGS
from aivp.model.object import Object, read_object
from aivp.model.oneoff import is_one_off
from aivp.state.place import folder, prepare
from aivp.state.schema import migrate

RUNS_KEPT = 100
"""Runs that are remembered, each with its plan."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of a plan. `body` is the plan's bytes; times are ISO 8601 in UTC."""

    run: str
    plan: str
    body: bytes
    status: str
    started: str
    ended: str | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one step of a run; `error` as the protocol carries it."""

    step: str
    status: str
    action: str
    error: Mapping[str, Json] | None
    ended: str


class State:
    """The open state. Used from one thread at a time; the engine serialises its hosts' outcomes."""

    def __init__(self, connection: sqlite3.Connection, place: Path) -> None:
        self.connection = connection
        self.place = place

    @classmethod
    def open(cls, root: Path, project: str, environment: str) -> State:
        """Open or create. Raises Refused where the place or the format does not allow it."""
        place = prepare(root, environment)
        path = place / "state.db"
        with _mendable(environment):
            path.touch(mode=0o600)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            migrate(connection, project, environment)
        return cls(connection, place)

    @classmethod
    def open_existing(cls, root: Path, project: str, environment: str) -> State | None:
        """Open what is there; None where this environment has no state yet. Creates nothing."""
        return cls.open(root, project, environment) if (folder(root, environment) / "state.db").exists() else None

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    @property
    def lineage(self) -> str:
        """The random id of this state; hosts know their claims by it."""
        ((value,),) = self._rows("SELECT value FROM meta WHERE key='lineage'")
        return str(value)

    @property
    def key_id(self) -> str | None:
        """The id of the project key that generated secrets came from, None while none was used."""
        rows = self._rows("SELECT value FROM meta WHERE key='secret-key'")
        return str(rows[0][0]) if rows else None

    def record_key(self, key_id: str) -> None:
        """Bind this state to the project key that its generated secrets come from."""
        with self._transaction("key") as sql:
            sql.execute("INSERT OR IGNORE INTO meta VALUES ('secret-key', ?)", (key_id,))

    def objects(self) -> list[Object]:
        """Every object, sorted by address, deposed ones after the current one."""
        rows = self._rows("SELECT body FROM objects ORDER BY address, deposed")
        return [_object(body) for (body,) in rows]

    def rebuild(self, lineage: str, hosts: Iterable[str], objects: Iterable[Object], key_id: str | None) -> None:
        """One commit: a new lineage, and `objects` in place of everything that was known of `hosts`.

        key_id: of the project key that hosts remember, None where they know of none.
        """
        replaced = frozenset(hosts)
        old = [item for item in self.objects() if item.host in replaced]
        with self._transaction("rebuild") as sql:
            sql.execute("UPDATE meta SET value=? WHERE key='lineage'", (lineage,))
            if key_id is not None:
                sql.execute("INSERT OR REPLACE INTO meta VALUES ('secret-key', ?)", (key_id,))
            sql.execute("UPDATE runs SET status='abandoned' WHERE status IN ('open', 'interrupted')")
            sql.executemany("DELETE FROM objects WHERE address=?", [(item.address,) for item in old])
            for item in objects:
                _put(sql, item)

    def put(self, objects: Iterable[Object]) -> None:
        """Write rows, outside of any run."""
        with self._transaction("put") as sql:
            for item in objects:
                _put(sql, item)

    def remove(self, address: str) -> bool:
        """Forget an object; True if there was one."""
        with self._transaction("remove") as sql:
            return sql.execute("DELETE FROM objects WHERE address=?", (address,)).rowcount > 0

    def record_plan(self, digest: str) -> None:
        """Remember that this state's own `plan -o` wrote a plan."""
        with self._transaction("plan") as sql:
            sql.execute("INSERT OR IGNORE INTO plans VALUES (?)", (digest,))

    def knows_plan(self, digest: str) -> bool:
        """True for a plan that `plan -o` of this state wrote."""
        return bool(self._rows("SELECT 1 FROM plans WHERE digest=?", digest))

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold this state alone for a run. Raises Refused where another command does."""
        with _mendable("lock"):
            descriptor = os.open(self.place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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

    def begin_run(self, plan: str, body: bytes, now: str) -> str:
        """A new open run, durable before anything is dispatched. Raises Refused while another one is open.

        Runs of long ago are let go.
        """
        refuse_open(self.open_run())
        run = secrets.token_hex(12)
        with self._transaction("run") as sql:
            sql.execute("INSERT INTO runs VALUES (?,?,?,'open',?,NULL)", (run, plan, body, now))
            sql.execute(
                "DELETE FROM runs WHERE run NOT IN (SELECT run FROM runs ORDER BY rowid DESC LIMIT ?)", (RUNS_KEPT,)
            )
            sql.execute("DELETE FROM steps WHERE run NOT IN (SELECT run FROM runs)")
        return run

    def reopen_run(self, run: str) -> None:
        """A run that failed or was interrupted is being gone on with."""
        with self._transaction("reopen") as sql:
            sql.execute("UPDATE runs SET status='open', ended=NULL WHERE run=?", (run,))

    def end_run(self, run: str, status: str, now: str) -> None:
        """Close a run (done, failed, abandoned, refused), or leave it interrupted."""
        with self._transaction("end") as sql:
            sql.execute("UPDATE runs SET status=?, ended=? WHERE run=?", (status, now, run))

    def runs(self) -> list[RunRecord]:
        """Every run that is remembered, the oldest first."""
        return self._runs("SELECT * FROM runs ORDER BY rowid")

    def open_run(self) -> RunRecord | None:
        """The run that is still to be gone on with or abandoned, if there is one."""
        return next(iter(self._runs("SELECT * FROM runs WHERE status IN ('open', 'interrupted') ORDER BY rowid")), None)

    def failed_run(self) -> RunRecord | None:
        """The newest run of a plan that did anything, if it has failed steps."""
        newest = self._runs(
            "SELECT * FROM runs WHERE status<>'refused' AND plan NOT LIKE 'exec:%' ORDER BY rowid DESC LIMIT 1"
        )
        return newest[0] if newest and newest[0].status == "failed" else None

    def closed_runs(self) -> list[str]:
        """The ids of runs that are over, sorted."""
        return [
            row[0]
            for row in self._rows("SELECT run FROM runs WHERE status NOT IN ('open', 'interrupted') ORDER BY run")
        ]

    def steps(self, run: str) -> dict[str, StepRecord]:
        """Step id → what became of it."""
        rows = self._rows("SELECT step, status, action, error, ended FROM steps WHERE run=?", run)
        return {row[0]: StepRecord(row[0], row[1], row[2], row[3] and json.loads(row[3]), row[4]) for row in rows}

    def conclude(
        self, run: str, records: Iterable[StepRecord], put: Iterable[Object], gone: Iterable[tuple[str, bool]]
    ) -> None:
        """One commit: what became of steps, the rows they leave and the (address, is_deposed) rows that they end."""
        with self._transaction("conclude") as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO steps VALUES (?,?,?,?,?,?)",
                [(run, r.step, r.status, r.action, r.error and json.dumps(r.error), r.ended) for r in records],
            )
            sql.executemany("DELETE FROM objects WHERE address=? AND deposed=?", list(gone))
            for item in put:
                _put(sql, item)

    @contextlib.contextmanager
    def _transaction(self, what: str) -> Iterator[sqlite3.Connection]:
        with _mendable(what):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self.connection.execute("ROLLBACK")
                raise

    def _runs(self, query: str) -> list[RunRecord]:
        """A row of the table has the members of a record, in their order."""
        return [RunRecord(*row) for row in self._rows(query)]

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with _mendable("read"):
            return self.connection.execute(query, values).fetchall()


def new_lineage() -> str:
    """The random id of a state that has no past."""
    return secrets.token_hex(16)


def refuse_open(record: RunRecord | None) -> None:
    """An open run blocks every new one. Raises Refused."""
    if record is not None:
        settle = "settle it: aivp runs abandon."
        is_plan = not is_one_off(record.plan)
        raise refusal(
            "AIVP0508",
            f"The run {record.run} of {record.started} is not finished.",
            f"Go on with it: aivp apply --resume. Or {settle}" if is_plan else settle.capitalize(),
        )


def _object(body: str) -> Object:
    try:
        return read_object(canonical.decode(body.encode(), IR_TAGS))
    except ValueError as error:
        raise refusal(
            "AIVP0705",
            f"A row of the state is damaged ({str(error)[:100]}).",
            "Bring the state back from a copy, or make it anew from what the hosts remember: aivp state rebuild.",
        ) from None


def _put(sql: sqlite3.Connection, item: Object) -> None:
    body = canonical.encode(item.form()).decode()
    sql.execute(
        "INSERT INTO objects VALUES (?,?,?,?) ON CONFLICT (address, deposed) DO UPDATE SET body=excluded.body",
        (item.address, item.is_deposed, secrets.token_hex(8), body),
    )


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
