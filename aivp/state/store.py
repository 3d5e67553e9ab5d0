"""The state of one environment: what is read of it, and what is written in one commit. Knows no back end.

Every method is one transaction; an outcome's object row and its step record are committed together.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal
from aivp.model.object import Object
from aivp.state.database import Database, Writer
from aivp.state.records import RunRecord, StepRecord, decoded, encoded, refuse_open

RUNS_KEPT = 100
"""Runs that are remembered, each with its plan."""

_COUNT = (
    "INSERT INTO meta VALUES ('serial', '1')"
    " ON CONFLICT (key) DO UPDATE SET value=CAST(CAST(meta.value AS INTEGER) + 1 AS TEXT)"
)
_PUT = "INSERT INTO objects VALUES (?,?,?,?) ON CONFLICT (address, deposed) DO UPDATE SET body=excluded.body"
_RECORD = (
    "INSERT INTO steps VALUES (?,?,?,?,?,?) ON CONFLICT (run, step) DO UPDATE"
    " SET status=excluded.status, action=excluded.action, error=excluded.error, ended=excluded.ended"
)


class State:
    """The open state. Used from one thread at a time; the engine serialises its hosts' outcomes.

    folder: on this machine, for the logs of runs; whatever the back end, nothing depends on what is in it.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold this state alone. Raises Refused where another command does."""
        return self.database.exclusive()

    @contextlib.contextmanager
    def transaction(self, what: str) -> Iterator[Writer]:
        """One commit, counted first: who writes waits for who wrote, and a copy tells how old it is."""
        with self.database.transaction(what) as sql:
            sql.execute(_COUNT)
            yield sql

    @property
    def lineage(self) -> str:
        """The random id of this state; hosts know their claims by it."""
        return str(self.meta("lineage"))

    @property
    def serial(self) -> int:
        """How many commits led here; two copies of one lineage are compared by it."""
        return int(self.meta("serial") or 0)

    @property
    def key_id(self) -> str | None:
        """The id of the project key that generated secrets came from, None while none was used."""
        return self.meta("secret-key")

    def meta(self, key: str) -> str | None:
        """What state says of itself."""
        found = self.database.rows("SELECT value FROM meta WHERE key=?", key)
        return str(found[0][0]) if found else None

    def record_key(self, key_id: str) -> None:
        """Bind this state to the project key that its generated secrets come from."""
        with self.transaction("key") as sql:
            sql.execute("INSERT INTO meta VALUES ('secret-key', ?) ON CONFLICT (key) DO NOTHING", key_id)

    # --- Objects -------------------------------------------------------------------------------------------------

    def objects(self) -> list[Object]:
        """Every object, sorted by address, deposed ones after the current one."""
        rows = self.database.rows("SELECT body FROM objects ORDER BY address, deposed")
        return [_object(body) for (body,) in rows]

    def rebuild(self, lineage: str, hosts: Iterable[str], objects: Iterable[Object], key_id: str | None) -> None:
        """One commit: a new lineage, and `objects` in place of everything that was known of `hosts`.

        key_id: of the project key that hosts remember, None where they know of none.
        """
        replaced = frozenset(hosts)
        old = [item for item in self.objects() if item.host in replaced]
        with self.transaction("rebuild") as sql:
            sql.execute("UPDATE meta SET value=? WHERE key='lineage'", lineage)
            if key_id is not None:
                sql.execute("DELETE FROM meta WHERE key='secret-key'")
                sql.execute("INSERT INTO meta VALUES ('secret-key', ?)", key_id)
            sql.execute("UPDATE runs SET status='abandoned' WHERE status IN ('open', 'interrupted')")
            sql.many("DELETE FROM objects WHERE address=?", [(item.address,) for item in old])
            sql.many(_PUT, map(encoded, objects))

    def put(self, objects: Iterable[Object]) -> None:
        """Write rows, outside of any run."""
        with self.transaction("put") as sql:
            sql.many(_PUT, map(encoded, objects))

    def remove(self, addresses: Sequence[str]) -> None:
        """Forget objects."""
        with self.transaction("remove") as sql:
            sql.many("DELETE FROM objects WHERE address=?", [(address,) for address in addresses])

    def replace(self, gone: Iterable[Object], put: Iterable[Object]) -> None:
        """One commit: rows for other rows."""
        with self.transaction("replace") as sql:
            ended = [(item.address, int(item.is_deposed)) for item in gone]
            sql.many("DELETE FROM objects WHERE address=? AND deposed=?", ended)
            sql.many(_PUT, map(encoded, put))

    # --- Plans ---------------------------------------------------------------------------------------------------

    def record_plan(self, digest: str) -> None:
        """Remember that this state's own `plan -o` wrote a plan."""
        with self.transaction("plan") as sql:
            sql.execute("INSERT INTO plans VALUES (?) ON CONFLICT (digest) DO NOTHING", digest)

    def knows_plan(self, digest: str) -> bool:
        """True for a plan that `plan -o` of this state wrote."""
        return bool(self.database.rows("SELECT 1 FROM plans WHERE digest=?", digest))

    # --- Runs ----------------------------------------------------------------------------------------------------

    def begin_run(self, plan: str, body: bytes, now: str) -> str:
        """A new open run, durable before anything is dispatched. Raises Refused while another one is open.

        Runs of long ago are let go.
        """
        refuse_open(self.open_run())
        run = secrets.token_hex(12)
        with self.transaction("run") as sql:
            sql.execute(
                "INSERT INTO runs (run, plan, body, status, started, ended) VALUES (?,?,?,'open',?,NULL)",
                *(run, plan, body, now),
            )
            sql.execute(
                "DELETE FROM runs WHERE run NOT IN (SELECT run FROM runs ORDER BY rowid DESC LIMIT ?)", RUNS_KEPT
            )
            sql.execute("DELETE FROM steps WHERE run NOT IN (SELECT run FROM runs)")
        return run

    def reopen_run(self, run: str) -> None:
        """A run that failed or was interrupted is being gone on with."""
        with self.transaction("reopen") as sql:
            sql.execute("UPDATE runs SET status='open', ended=NULL WHERE run=?", run)

    def end_run(self, run: str, status: str, now: str) -> None:
        """Close a run (done, failed, abandoned, refused), or leave it interrupted."""
        with self.transaction("end") as sql:
            sql.execute("UPDATE runs SET status=?, ended=? WHERE run=?", status, now, run)

    def runs(self) -> list[RunRecord]:
        """Every run that is remembered, the oldest first, without their plans' bytes."""
        return self._runs("SELECT run, plan, substr(body, 1, 0), status, started, ended FROM runs ORDER BY rowid")

    def body(self, run: str) -> bytes:
        """The bytes of the plan of a run; none where there is no such run."""
        rows = self.database.rows("SELECT body FROM runs WHERE run=?", run)
        return bytes(rows[0][0]) if rows else b""

    def open_run(self) -> RunRecord | None:
        """The run that is still to be gone on with or abandoned, if there is one."""
        found = self._runs(
            "SELECT run, plan, body, status, started, ended FROM runs WHERE status IN ('open', 'interrupted')"
            " ORDER BY rowid LIMIT 1"
        )
        return found[0] if found else None

    def failed_run(self) -> RunRecord | None:
        """The newest run of a plan that did anything, if it has failed steps."""
        newest = self._runs(
            "SELECT run, plan, body, status, started, ended FROM runs WHERE status<>'refused'"
            " AND substr(plan, 1, 5)<>'exec:' ORDER BY rowid DESC LIMIT 1"
        )
        return newest[0] if newest and newest[0].status == "failed" else None

    def closed_runs(self) -> list[str]:
        """The ids of runs that are over, sorted."""
        query = "SELECT run FROM runs WHERE status NOT IN ('open', 'interrupted') ORDER BY run"
        return [row[0] for row in self.database.rows(query)]

    def steps(self, run: str) -> dict[str, StepRecord]:
        """Step id → what became of it, sorted by id."""
        query = "SELECT step, status, action, error, ended FROM steps WHERE run=? ORDER BY step"
        rows = self.database.rows(query, run)
        return {row[0]: StepRecord(row[0], row[1], row[2], row[3] and json.loads(row[3]), row[4]) for row in rows}

    def conclude(
        self, run: str, records: Iterable[StepRecord], put: Iterable[Object], gone: Iterable[tuple[str, bool]]
    ) -> None:
        """One commit: what became of steps, the rows they leave and the (address, is_deposed) rows that they end."""
        written = [(run, r.step, r.status, r.action, r.error and json.dumps(r.error), r.ended) for r in records]
        ended = [(address, int(is_deposed)) for address, is_deposed in gone]
        with self.transaction("conclude") as sql:
            sql.many(_RECORD, written)
            sql.many("DELETE FROM objects WHERE address=? AND deposed=?", ended)
            sql.many(_PUT, map(encoded, put))

    def _runs(self, query: str) -> list[RunRecord]:
        """A row has the members of a record, in their order."""
        return [RunRecord(row[0], row[1], bytes(row[2] or b""), *row[3:]) for row in self.database.rows(query)]


def _object(body: str) -> Object:
    try:
        return decoded(body)
    except ValueError as error:
        raise refusal(
            "AIVP0705",
            f"A row of the state is damaged ({str(error)[:100]}).",
            "See all that is wrong: aivp state check. Bring the state back from a copy (aivp state restore), or make "
            "it anew from what the hosts remember: aivp state rebuild.",
        ) from None
