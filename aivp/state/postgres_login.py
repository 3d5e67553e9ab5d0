"""A place and the process environment → a connection. No message shows a password, wherever it came from.

What the declaration leaves out, libpq finds as for every program: PGHOST, PGPASSWORD, PGSERVICE, ~/.pgpass.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import PostgresPlace
from aivp.state.database import Row

CONNECT_TIMEOUT = 10
"""Seconds for each address of a server, where the declaration says nothing."""

_FILES = ("sslrootcert", "sslcert", "sslkey")
_PLAIN = ("host", "port", "user", "service", "sslmode")
_LINK: Mapping[str, object] = {
    "client_encoding": "UTF8",
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A link that fell silent is noticed within a minute; one that has nothing to say is kept."""


@dataclass
class Login:
    """What messages may say of a connection. `secrets`: what they may not. is_late: we cut it ourselves."""

    place: PostgresPlace
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    is_late: bool = False

    def told(self, error: BaseException) -> str:
        """The error's own words in one line, short and without passwords."""
        text = " ".join(str(error).split())
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text[:400].rstrip(".")


def log_in(place: PostgresPlace, root: Path, name: str) -> tuple[psycopg.Connection[Row], Login]:
    """Connect. `name`: what the server lists the session as. Raises Refused."""
    given, password = _parameters(place, root)
    known = {password, given.get("password"), given.get("sslpassword"), os.environ.get("PGPASSWORD")}
    login = Login(place, frozenset(str(item) for item in known if item))
    given = {"connect_timeout": place.seconds("connect_timeout", CONNECT_TIMEOUT), **given}
    try:
        words = {**_LINK, "application_name": name[:60], **given}
        return psycopg.connect(
            make_conninfo(**{key: str(value) for key, value in words.items()}), autocommit=True
        ), login
    except psycopg.Error as error:
        found = getattr(error.pgconn, "password", None)
        if found:
            login.secrets |= {bytes(found).decode(errors="replace")}
        raise _refused(error, login) from None
    except (OSError, ValueError) as error:
        raise _refused(error, login) from None


def _parameters(place: PostgresPlace, root: Path) -> tuple[dict[str, object], str | None]:
    """Libpq's parameters as declared. Raises Refused where a variable is missing or is none."""
    found: dict[str, object] = {}
    if dsn := _variable(place, "dsn"):
        try:
            found.update(conninfo_to_dict(dsn))
        except psycopg.ProgrammingError:
            why = f"{place.variable('dsn')} holds no DSN that libpq can read; its text is not shown."
            raise refusal("AIVP0847", why, "Such as postgresql://user@host/database?sslmode=verify-full") from None
    found |= {name: place.settings[name] for name in _PLAIN if name in place.settings}
    if database := place.text("database"):
        found["dbname"] = database
    for name in _FILES:
        if path := place.text(name):
            found[name] = path if path == "system" else str(root.absolute() / path)
    password = _variable(place, "password")
    return (found if password is None else {**found, "password": password}), password


def _variable(place: PostgresPlace, name: str) -> str | None:
    variable = place.variable(name)
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        why = f"State is {place}, and the variable {variable} that holds its {name} is not set."
        raise refusal("AIVP0847", why, f"Set {variable} for this command; aivp never writes it down.")
    return value


_MENDS = (
    ("no password supplied", "Set PGPASSWORD, or the variable that `password: {env: …}` names, or use ~/.pgpass."),
    ("password authentication failed", "Check user and password: PGUSER and PGPASSWORD, or what `state` names."),
    ("pg_hba.conf", "The server's pg_hba.conf admits no such login: ask whoever runs it."),
    ("does not exist", "Create it, or correct `state` in aivp.yaml (or PGDATABASE, PGUSER)."),
    (
        "certificate",
        "Name the authority that signed the server's certificate: sslrootcert: ca.pem. Do not lower sslmode.",
    ),
    ("SSL", "The server does not speak TLS as `sslmode` asks for."),
    ("starting up", "Wait a moment and try again."),
    ("shutting down", "Wait until it is up again."),
    ("too many clients", "Wait, or let the server admit more connections."),
    ("remaining connection slots", "Wait, or let the server admit more connections."),
    ("service", "See the file of services: ~/.pg_service.conf, or PGSERVICEFILE."),
)


def _refused(error: Exception, login: Login) -> Exception:
    """A connection that did not come about. The server's answer begins with FATAL in any language."""
    text = login.told(error)
    mend = next((mend for word, mend in _MENDS if word in text), "")
    if "FATAL" in text:
        why = f"The server of the state answers, and lets nobody in: {text}."
        return refusal("AIVP0835", why, mend or "Ask whoever runs the server.")
    why = f"State is {login.place}, and nobody answers there: {text}."
    return refusal("AIVP0834", why, mend or "See whether the server runs and this machine may reach it.")
