"""A place → the open state there, whichever back end it is; one that was moved away is refused, not forked."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import DEFAULT, FOLDER, Place, PostgresPlace, SqlitePlace
from aivp.state.database import Database
from aivp.state.folders import prepare_default
from aivp.state.store import State

if TYPE_CHECKING:
    from aivp.state.postgres import Postgres

MOVED = "moved"
"""What a state says of itself once it lives elsewhere: the form of that place."""


def open_state(place: Place, root: Path, project: str, environment: str) -> State:
    """Open or create. Raises Refused where the place or the format does not allow it."""
    found = open_existing(place, root, project, environment)
    if found is not None:
        return found
    database = open_database(place, root, project, environment)
    if isinstance(place, PostgresPlace):
        with contextlib.suppress(Refused):
            prepare_default(root, environment)  # for logs of runs, which stop nothing
    return state_of(database, root, environment)


def open_existing(place: Place, root: Path, project: str, environment: str) -> State | None:
    """Open what is there; None where this environment has no state yet. Creates nothing."""
    database = open_existing_database(place, root, project, environment)
    if database is None:
        _refuse_waiting(place, root, project, environment)
        return None
    state = state_of(database, root, environment)
    try:
        _refuse_moved(state)
        if place != DEFAULT and _waits(root, environment) and is_unused(state):
            _refuse_waiting(place, root, project, environment)
    except BaseException:
        state.close()
        raise
    return state


def open_database(place: Place, root: Path, project: str, environment: str) -> Database:
    """The database, whatever it says of itself; made where there is none."""
    match place:
        case SqlitePlace():
            from aivp.state.sqlite import Sqlite

            return Sqlite.open(place, root, project, environment)
        case PostgresPlace():
            return _postgres().open(place, root, project, environment)
        case _:
            assert_never(place)


def open_existing_database(place: Place, root: Path, project: str, environment: str) -> Database | None:
    """The same, None where there is none."""
    match place:
        case SqlitePlace():
            from aivp.state.sqlite import Sqlite

            return Sqlite.open_existing(place, root, project, environment)
        case PostgresPlace():
            return _postgres().open_existing(place, root, project, environment)
        case _:
            assert_never(place)


def _postgres() -> type[Postgres]:
    """The back end, where its library is there. Raises Refused."""
    try:
        from aivp.state.postgres import Postgres
    except ImportError as error:
        raise refusal(
            "AIVP0833",
            f"aivp.yaml says that state is in PostgreSQL, and psycopg is not usable here ({error.name or error}).",
            "Install what the extra `postgres` takes beside aivp: pip install 'psycopg[binary]>=3.2'",
        ) from None
    return Postgres


def state_of(database: Database, root: Path, environment: str) -> State:
    """The state in it. A checkout keeps the logs of its own runs, wherever state is."""
    base = database.place.folder if isinstance(database.place, SqlitePlace) else FOLDER
    return State(database, root / base / environment)


def moved_to(state: State) -> Place | None:
    """Where this state lives now, None where it is here."""
    text = state.meta(MOVED)
    return None if text is None else place_of(json.loads(text))


def place_of(form: dict[str, object]) -> Place:
    """The reverse of `form`, which only we wrote."""
    if "sqlite" in form:
        return SqlitePlace(str(form["sqlite"]))
    settings = form.get("postgres")
    return PostgresPlace(settings if isinstance(settings, dict) else {})


def is_unused(state: State) -> bool:
    """True where nothing was ever applied with it."""
    return not state.database.rows("SELECT 1 FROM objects LIMIT 1") and not state.runs()


def _refuse_moved(state: State) -> None:
    """A state that lives elsewhere now is not gone on with."""
    place = moved_to(state)
    if place is not None:
        raise refusal(
            "AIVP0831",
            f"This state has been moved from {state.database.place} to {place}.",
            "Take the declaration that says so from git (`state` in aivp.yaml). To bring it back: aivp state move",
        )


def _waits(root: Path, environment: str) -> bool:
    return (root / FOLDER / environment / "state.db").exists()


def _refuse_waiting(place: Place, root: Path, project: str, environment: str) -> None:
    """A declaration that names another place moves nothing by itself. Raises Refused where the old state waits."""
    if place == DEFAULT or not _waits(root, environment):
        return
    database = open_existing_database(DEFAULT, root, project, environment)
    assert database is not None
    with contextlib.closing(state_of(database, root, environment)) as old:
        waits = moved_to(old) is None and bool(database.rows("SELECT 1 FROM objects LIMIT 1"))
    if waits:
        raise refusal(
            "AIVP0832",
            f"aivp.yaml says that state is {place}, where nothing was applied yet; it still lies in "
            f"{FOLDER}/{environment}.",
            "Take it there: aivp state move. If it is of no use any more, delete that folder.",
        )
