"""State → the place that the declaration names now. The old place is marked before anything is written at the new one.

So there is never a moment with two states in use: broken off in between, neither opens, and moving again goes on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import DEFAULT, Place
from aivp.state.content import Content, read_content, write_content
from aivp.state.database import Database
from aivp.state.open import MOVED, moved_to, open_database, open_existing_database, state_of
from aivp.state.store import State


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where, for one environment of a project."""

    source: Place
    target: Place
    root: Path
    project: str
    environment: str


def plan_move(given: Place | None, target: Place, root: Path, project: str, environment: str) -> Move:
    """Where the state is that `target` is to get: as `given`, or as a state there says that it was moved away, or in
    the checkout itself. Raises Refused.
    """
    source = given or _gone_from(target, root, project, environment) or DEFAULT
    if source == target:
        why = f"State is in {target}, as aivp.yaml says."
        mend = (
            "Change `state` there first. To bring it from a place that it does not know: --from 'postgres: {host: …}'"
        )
        raise refusal("AIVP0845", why, mend)
    return Move(source, target, root, project, environment)


def move_state(move: Move) -> int:
    """Do it; how many objects moved. Raises Refused with nothing changed where there is nothing to move, or anything to
    lose.
    """
    if _is_unfinished(move):
        with _open(move, move.target, is_new=False) as kept, kept.exclusive():
            _unmark(kept)
            return len(kept.objects())
    with _open(move, move.source, is_new=False) as old:
        _refuse_moved(old, move)
        with _open(move, move.target, is_new=True) as new, old.exclusive(), new.exclusive():
            content, there = read_content(old), read_content(new)
            _refuse_taken(there, content, move, is_back=moved_to(new) == move.source)
            _mark(old, move.target)
            try:
                _write(new, content)
            except Refused as refused:
                if not _is_unknown(refused):
                    _unmark(old)
                raise
    return len(content.objects)


def _is_unfinished(move: Move) -> bool:
    """True where `target` was to be moved to `source` once, and nothing of it ever came to be there."""
    if _gone_from(move.target, move.root, move.project, move.environment) != move.source:
        return False
    words = (move.root, move.project, move.environment)
    there = open_existing_database(move.source, *words)
    if there is None:
        return True
    with contextlib.closing(state_of(there, move.root, move.environment)) as state:
        content = read_content(state)
    with _open(move, move.target, is_new=False) as kept:
        return content.is_empty and content.lineage != kept.lineage


def _write(new: State, content: Content) -> None:
    with new.database.transaction("move") as sql:
        write_content(sql, content, content.serial + 1)
    if read_content(new).objects != content.objects:
        raise refusal("AIVP0845", "What was written is not what was read back.", "The old place stays in use.")


def _mark(state: State, target: Place) -> None:
    with state.transaction("move") as sql:
        sql.execute("DELETE FROM meta WHERE key=?", MOVED)
        sql.execute("INSERT INTO meta VALUES (?,?)", MOVED, json.dumps(target.form(), sort_keys=True))


def _unmark(state: State) -> None:
    with state.transaction("move") as sql:
        sql.execute("DELETE FROM meta WHERE key=?", MOVED)


def _gone_from(target: Place, root: Path, project: str, environment: str) -> Place | None:
    """Where the state went that once was in `target`."""
    found = open_existing_database(target, root, project, environment)
    if found is None:
        return None
    with contextlib.closing(state_of(found, root, environment)) as state:
        return moved_to(state)


def _refuse_moved(old: State, move: Move) -> None:
    place = moved_to(old)
    if place is not None and place != move.target:
        why = f"The state of {move.source} has been moved to {place} already."
        raise refusal("AIVP0845", why, "Move it from there, with --from.")


def _is_unknown(refused: Refused) -> bool:
    """True where the new state may have been written all the same: then the old one must not be used again."""
    return any(item.code in ("AIVP0836", "AIVP0838") for item in refused.diagnostics)


def _refuse_taken(there: Content, content: Content, move: Move, *, is_back: bool) -> None:
    if there.is_empty or (is_back and there.lineage == content.lineage):
        return
    if there.lineage == content.lineage and there.serial > content.serial:
        why = f"The state of {move.source} is in {move.target} already."
        raise refusal("AIVP0845", why, "Nothing is left to do: go on with it.")
    of = f"{move.project}/{move.environment}, with {len(there.objects)} objects"
    why = f"In {move.target} there is another state of {of}."
    mend = "Keep it (aivp state backup), see which of the two the hosts follow, and remove the other by hand."
    raise refusal("AIVP0845", why, mend)


@contextlib.contextmanager
def _open(move: Move, place: Place, *, is_new: bool) -> Iterator[State]:
    words = (place, move.root, move.project, move.environment)
    database: Database | None = open_database(*words) if is_new else open_existing_database(*words)
    if database is None:
        why = f"There is no state of {move.project}/{move.environment} in {place}."
        raise refusal("AIVP0845", why, "Name where it is, as in aivp.yaml: --from 'postgres: {host: db.example.com}'")
    with contextlib.closing(state_of(database, move.root, move.environment)) as state:
        yield state
