"""What PostgreSQL complains of → diagnostics. The words that it uses are shown, the password never."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.state.postgres_login import Login

OLDEST = 130000
"""PostgreSQL 13; nobody mends older ones."""

_SLOW = (errors.QueryCanceled, errors.LockNotAvailable)
_GONE = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout)


@contextlib.contextmanager
def mendable(login: Login, what: str) -> Iterator[None]:
    """Psycopg's errors as Refused. `what`: a word for what was being done."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise refused(login, what, error) from None


def refused(login: Login, what: str, error: Exception) -> Refused:
    """One error of an open connection."""
    text = login.told(error)
    if login.is_late or isinstance(error, _SLOW):
        return refusal(
            "AIVP0838",
            f"The server of the state takes longer than it may ({what}).",
            "Try again later, or give it more time: `timeout` under `state` in aivp.yaml. " + _AGAIN,
        )
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return refusal(
            "AIVP0837",
            f"The server of the state only lets it be read ({what}): {text}.",
            "It may be a standby: name the primary, or see default_transaction_read_only.",
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return no_privilege(what, text)
    if isinstance(error, errors.InvalidParameterValue):
        why = f"The server of the state refuses the settings of the session: {text}."
        return refusal("AIVP0839", why, "Correct `role` under `state` in aivp.yaml, or let somebody create that role.")
    if isinstance(error, _GONE) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return refusal("AIVP0836", f"The link to the state broke ({what}): {text}.", _AGAIN)
    return refusal("AIVP0705", f"The state cannot be read or written ({what}): {text}.", _AGAIN)


def no_privilege(what: str, text: str) -> Refused:
    """The role lacks a right."""
    return refusal(
        "AIVP0839",
        f"The role may not do that in the state's database ({what}): {text}.",
        "It needs a schema of its own: docs/guides/state.md has the lines for whoever runs the server.",
    )


_AGAIN = "What was committed is kept. If a run was going on: aivp apply --resume."


def refuse_server(login: Login, version: int = OLDEST, encoding: str = "UTF8", *, is_pooled: bool = False) -> None:
    """A server that cannot hold a state as it must be held. Raises Refused."""
    if version < OLDEST:
        found = f"{version // 10000}.{version % 10000}" if version >= 100000 else f"{version // 10000}"
        why = f"The server of the state is PostgreSQL {found}; aivp needs {OLDEST // 10000} or newer."
        raise refusal("AIVP0839", why, "Use a newer server.")
    if encoding != "UTF8":
        why = f"The database of the state is in {encoding}, which cannot hold every text."
        raise refusal("AIVP0839", why, "Create one: CREATE DATABASE aivp ENCODING 'UTF8' TEMPLATE template0")
    if is_pooled:
        raise refusal(
            "AIVP0839",
            f"State is {login.place}, and a pooler answers there: a lock would be nobody's.",
            "Connect to the server itself, by its own host and port.",
        )
