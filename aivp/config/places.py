"""`state:` → where state lives. Checked for shape only: nothing is opened, and no variable is read.

A password in a file is refused before anything else is said about that section, without an excerpt of the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from aivp_contract.values import Json

from aivp.config.project import Declared
from aivp.config.shape import inner, is_of, knows_keys
from aivp.config.yaml import parse
from aivp.diagnostics import Diagnostics
from aivp.model.place import DEFAULT, Place, PostgresPlace, SqlitePlace
from aivp.plugins.suggestion import did_you_mean, listing

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_CODE = "AIVP0830"
_BACK_ENDS = ("postgres", "sqlite")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_Check = Callable[[Declared, str, Diagnostics], None]


def read_place(root: Declared, environment: Declared | None, found: Diagnostics) -> Place:
    """Where this environment's state lives: what the environment says stands in place of what the project says.

    Those of other environments are checked, too.
    """
    project = _declared(root, found) or DEFAULT
    others = root.value.get("environments")
    for name in others if type(others) is dict else ():
        if type(others[name]) is dict and (environment is None or environment.path[-1] != name):
            _declared(inner(root, "environments", name), found)
    return project if environment is None else _declared(environment, found) or project


def read_text(text: str, name: str) -> Place:
    """A place that was written on the command line, under `name`. Raises Refused."""
    found = Diagnostics()
    parsed = parse(text.encode(), name, found)
    place = None if parsed is None else read(Declared(parsed.value, (), parsed.spans), found)
    found.refuse()
    assert place is not None
    return place


def _declared(part: Declared, found: Diagnostics) -> Place | None:
    return None if part.value.get("state") is None else read(inner(part, "state"), found)


def read(part: Declared, found: Diagnostics) -> Place | None:
    """One declaration of a place, None where mistakes were added to `found`."""
    before = len(found.items)
    if _shows_a_password(part, found) or not is_of(part, "map", "`state`", found):
        return None
    knows_keys(part, _BACK_ENDS, "`state`", found)
    named = [name for name in _BACK_ENDS if name in part.value]
    if len(named) != 1:
        if named or len(found.items) == before:
            why = "`state` names no back end." if not named else "`state` names two back ends."
            found.error(_CODE, why, "Give it one of sqlite and postgres.", span=part.span())
        return None
    place = (_sqlite if named[0] == "sqlite" else _postgres)(inner(part, named[0]), found)
    return None if len(found.items) > before else place


def _sqlite(part: Declared, found: Diagnostics) -> SqlitePlace:
    _text(part, "`sqlite`", found)
    text = part.value if type(part.value) is str else ""
    if text.startswith("~"):
        mend = "Write an absolute path, or one that starts at the project's root."
        found.error(_CODE, "`~` is not expanded in `sqlite`.", mend, span=part.span())
    if text.endswith(".db"):
        mend = "The database itself is ENVIRONMENT/state.db in it."
        found.error(_CODE, "`sqlite` is the path of a folder.", mend, span=part.span())
    return SqlitePlace(text.rstrip("/") or "/")


def _postgres(part: Declared, found: Diagnostics) -> PostgresPlace:
    if part.value is None:
        return PostgresPlace()  # all of it is in libpq's environment
    if not is_of(part, "map", "`postgres`", found):
        return PostgresPlace()
    knows_keys(part, _SETTINGS, "`postgres`", found)
    for name, check in _SETTINGS.items():
        if name in part.value:
            check(inner(part, name), f"`{name}`", found)
    if "dsn" in part.value:
        for name in sorted({"host", "port", "database", "user", "service"} & part.value.keys()):
            why = f"`{name}` stands beside `dsn`, which says that already."
            found.error(_CODE, why, "Remove one of the two.", span=part.key_span(name))
    return PostgresPlace(dict(part.value))


def _shows_a_password(part: Declared, found: Diagnostics) -> bool:
    """A secret in a file, wherever in the section: told without the line, which would show it once more."""
    for path, value in _texts(part.value, ()):
        last = next((str(step) for step in reversed(path) if type(step) is str), "")
        is_url = "://" in value and "@" in value
        if is_url or _has_password(value) or last in ("password", "dsn", "passwd", "url", "uri"):
            found.error(
                _CODE,
                f"{part.span(*path)}: `{last or 'state'}` may hold a password, and a file is no place for one.",
                "Name the variable that holds it, such as password: {env: AIVP_STATE_PASSWORD} or "
                "dsn: {env: AIVP_STATE_DSN}; or leave it to PGPASSWORD, PGSERVICE or ~/.pgpass.",
            )
            return True
    return False


def _has_password(text: str) -> bool:
    return re.search(r"\bpassword\s*=", text) is not None


def _texts(value: Json, path: tuple[str | int, ...], depth: int = 0) -> list[tuple[tuple[str | int, ...], str]]:
    if type(value) is str:
        return [(path, value)]
    if path and path[-1] == "password" and type(value) in (int, float):
        return [(path, str(value))]
    if type(value) is dict and depth < 5:
        return [item for key, inside in value.items() for item in _texts(inside, (*path, key), depth + 1)]
    return []


def _text(part: Declared, what: str, found: Diagnostics) -> None:
    if not is_of(part, "string", what, found):
        return
    if "${" in part.value:
        mend = "Write it out; what differs by environment stands under `environments`, or in PGHOST and its like."
        found.error(_CODE, f"{what} is used before references are.", mend, span=part.span())
    elif not part.value or not part.value.isprintable():
        found.error(_CODE, f"{what} is empty or holds what nobody can see.", span=part.span())


def _schema(part: Declared, what: str, found: Diagnostics) -> None:
    if is_of(part, "string", what, found) and not _SCHEMA.fullmatch(part.value):
        why = f"{what} is a-z, 0-9 and _, 40 characters at most; the environment's name is put behind it."
        found.error(_CODE, why, "Such as shop, which makes shop_prod.", span=part.span())


def _ssl_mode(part: Declared, what: str, found: Diagnostics) -> None:
    if is_of(part, "string", what, found) and part.value not in SSL_MODES:
        mend = did_you_mean(part.value, SSL_MODES) or f"Known: {listing(SSL_MODES)}."
        found.error(_CODE, f"There is no {what} {part.value[:40]}.", mend, span=part.span())


def _variable(part: Declared, what: str, found: Diagnostics) -> None:
    if not is_of(part, "map", what, found) or not knows_keys(part, ("env",), what, found):
        return
    name = part.value.get("env")
    if type(name) is not str or not _ENVIRONMENT_NAME.fullmatch(name):
        found.error(
            _CODE,
            f"{what} does not name an environment variable.",
            f"Such as {what[1:-1]}: {{env: AIVP_STATE}}.",
            span=part.span(),
        )


def _whole(least: int, most: int) -> _Check:
    def check(part: Declared, what: str, found: Diagnostics) -> None:
        if is_of(part, "integer", what, found) and not least <= part.value <= most:
            found.error(_CODE, f"{what} is from {least} to {most}.", span=part.span())

    return check


_SETTINGS: Mapping[str, _Check] = {
    "connect_timeout": _whole(1, 600),
    "database": _text,
    "dsn": _variable,
    "host": _text,
    "password": _variable,
    "port": _whole(1, 65535),
    "role": _text,
    "schema": _schema,
    "service": _text,
    "sslcert": _text,
    "sslkey": _text,
    "sslmode": _ssl_mode,
    "sslrootcert": _text,
    "timeout": _whole(1, 3600),
    "user": _text,
}
