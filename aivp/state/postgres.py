"""A state in one schema of a PostgreSQL database. What a commit writes goes there as one message, and is durable then.

The lock is the session's: the server frees it as soon as it learns that the client is gone. With `errors` and `login`
the sole door of psycopg, which is an extra.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from aivp.diagnostics.diagnostic import Refused, refusal
from aivp.model.place import PostgresPlace
from aivp.state.database import VERSION, Row
from aivp.state.postgres_errors import mendable, no_privilege, refuse_server
from aivp.state.postgres_login import Login, log_in
from aivp.state.schema import POSTGRES, owner_rows, refuse_newer, refuse_other

TIMEOUT = 60
"""Seconds for one statement where the declaration says nothing."""

GRACE = 5
"""Seconds more for the server to say itself that it was too slow."""

_SETTLE = """
SELECT set_config('search_path', quote_ident(%(schema)s), false),
       set_config('statement_timeout', %(timeout)s, false),
       set_config('lock_timeout', %(timeout)s, false),
       set_config('idle_in_transaction_session_timeout', %(timeout)s, false),
       set_config('tcp_keepalives_idle', '30', false),
       set_config('tcp_keepalives_interval', '10', false),
       set_config('tcp_keepalives_count', '3', false),
       CASE WHEN current_setting('server_version_num')::int >= 140000
            THEN set_config('idle_session_timeout', '0', false) END,
       CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', 'on', false) END
"""
"""One round trip: a session that only sees its schema, is durable, and outlives a step that takes an hour."""

_LOOK = """
SELECT pg_backend_pid(), current_setting('server_encoding'),
       (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %(schema)s),
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
               WHERE nspname = %(schema)s AND relname = 'meta')
"""
"""Reads the catalogs themselves: what to_regclass remembers may be older than the lock that we just got."""


class Postgres:
    """The open connection."""

    def __init__(self, connection: psycopg.Connection[Row], place: PostgresPlace, login: Login, schema: str) -> None:
        self.connection = connection
        self.place = place
        self.login = login
        self.schema = schema
        self.patience = place.seconds("timeout", TIMEOUT) + GRACE

    @classmethod
    def open(cls, place: PostgresPlace, root: Path, project: str, environment: str) -> Postgres:
        """Open or create. Raises Refused where server, place or format do not allow it."""
        found = cls._connect(place, root, project, environment)
        with _closed_on_error(found):
            if not found.settle():
                found.create(project, environment)
            found.refuse_strange(project, environment)
        return found

    @classmethod
    def open_existing(cls, place: PostgresPlace, root: Path, project: str, environment: str) -> Postgres | None:
        """Open what is there; None where this environment has no state yet. Creates nothing."""
        found = cls._connect(place, root, project, environment)
        with _closed_on_error(found):
            if found.settle():
                found.refuse_strange(project, environment)
                return found
        found.close()
        return None

    def close(self) -> None:
        """Hang up; never fails."""
        with contextlib.suppress(psycopg.Error, OSError):
            self.connection.close()

    def rows(self, query: str, *values: object) -> list[Row]:
        """What a query finds, in one round trip."""
        with mendable(self.login, "read"), self._in_time():
            return self.connection.execute(_dialect(query), values).fetchall()

    @contextlib.contextmanager
    def transaction(self, what: str) -> Iterator[_Writer]:
        """All or nothing. Statements are sent without waiting for each other; the commit is answered."""
        with mendable(self.login, what), self._in_time(), self.connection.pipeline(), self.connection.transaction():
            yield _Writer(self.connection)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Queries in it see one moment."""
        with mendable(self.login, "read"):
            self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """An advisory lock of this session."""
        key = _lock_key(self.schema)
        if self.rows("SELECT pg_try_advisory_lock(?)", key) != [(True,)]:
            raise refusal(
                "AIVP0511",
                f"Another command is at work on this state{self._holder(key)}.",
                "Wait for it to end, then try again.",
            )
        try:
            yield
        finally:
            with contextlib.suppress(Refused):
                self.rows("SELECT pg_advisory_unlock(?)", key)

    def problems(self) -> list[str]:
        """Indexes that the server itself does not trust; damaged pages show when everything is read."""
        query = (
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
            " WHERE relnamespace = to_regnamespace(quote_ident(?)) AND NOT indisvalid ORDER BY 1"
        )
        return [f"the index {name} is not valid" for (name,) in self.rows(query, self.schema)]

    @classmethod
    def _connect(cls, place: PostgresPlace, root: Path, project: str, environment: str) -> Postgres:
        connection, login = log_in(place, root, f"aivp {project}/{environment}")
        return cls(connection, place, login, place.schema(project, environment))

    def settle(self) -> bool:
        """Whether the tables are there. Raises Refused for a server that cannot hold a state."""
        words: dict[str, Any] = {"schema": self.schema, "timeout": f"{self.patience - GRACE}s"}
        info = self.connection.info
        with mendable(self.login, "settings"), self._in_time():
            refuse_server(self.login, version=info.server_version)
            role = self.place.text("role")
            if role is not None:
                self.connection.execute("SELECT set_config('role', %s, false)", (role,))
            self.connection.execute(_SETTLE, words)
            found = self.connection.execute(_LOOK, words).fetchone()
        assert found is not None
        refuse_server(self.login, encoding=found[1], is_pooled=found[0] != info.backend_pid)
        if found[2] is False:
            raise no_privilege("open", f"permission denied for schema {self.schema}")
        return bool(found[3])

    def create(self, project: str, environment: str) -> None:
        """The tables, by whoever comes first."""
        with mendable(self.login, "create"), self._in_time(), self.connection.transaction():
            self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_key(f"{self.schema} tables"),))
            ((_, _, has_schema, has_tables),) = self.connection.execute(_LOOK, {"schema": self.schema}).fetchall()
            if has_tables:
                return
            if has_schema is None:
                self.connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self.schema)))
            for statement in POSTGRES:
                self.connection.execute(statement)
            rows = [*owner_rows(project, environment), ("format", str(VERSION))]
            self.connection.cursor().executemany("INSERT INTO meta VALUES (%s, %s)", rows)

    def refuse_strange(self, project: str, environment: str) -> None:
        query = "SELECT key, value FROM meta WHERE key IN ('project', 'environment', 'format')"
        known = {str(key): str(value) for key, value in self.rows(query)}
        refuse_newer(int(known.get("format", "0")))
        refuse_other(known, project, environment)

    def _holder(self, key: int) -> str:
        """Who has the lock, as far as this role may see: ` (10.0.0.7, since 18:02:11 UTC)`."""
        query = (
            "SELECT coalesce(host(client_addr), 'this machine'), to_char(backend_start AT TIME ZONE 'UTC',"
            " 'HH24:MI:SS') FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
            " AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = ? AND backend_start IS NOT NULL"
        )
        found = self.rows(query, key)
        return f" ({found[0][0]}, since {found[0][1]} UTC)" if found else ""

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        """A server that is stopped answers nothing, not even that it is late: then the link is cut from here."""
        descriptor = os.dup(self.connection.fileno()) if not self.connection.closed else -1

        def cut() -> None:
            self.login.is_late = True
            with contextlib.suppress(OSError):
                socket.socket(fileno=os.dup(descriptor)).shutdown(socket.SHUT_RDWR)

        watch = threading.Timer(self.patience, cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()
            watch.join()
            if descriptor >= 0:
                os.close(descriptor)


class _Writer:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection

    def execute(self, query: str, *values: object) -> None:
        self.connection.execute(_dialect(query), values)

    def many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        self.connection.cursor().executemany(_dialect(query), rows)


@contextlib.contextmanager
def _closed_on_error(database: Postgres) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


@functools.cache
def _dialect(query: str) -> bytes:
    """Psycopg writes a value's place as %s. (As bytes: the type of a query that was not written at the call.)"""
    return query.replace("%", "%%").replace("?", "%s").encode()


def _lock_key(name: str) -> int:
    """A number of 63 bits, alike on every machine; locks of other programs in this database are as good as never it."""
    return int.from_bytes(hashlib.sha256(f"aivp {name}".encode()).digest()[:8], "big") >> 1
