"""Everything that a state holds, as one value: for copies, for checks, and for taking it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aivp.state.database import Row, Writer
from aivp.state.open import MOVED
from aivp.state.store import State

_NOT_CONTENT = (MOVED, "format")
"""What a state says of the database that it is in, and not of itself."""


@dataclass(frozen=True, slots=True)
class Content:
    """Rows as they stand in the tables, sorted; runs in the order in which they began.

    meta: key → value; objects: address, deposed, object id, body; runs: run, plan, body, status, started, ended;
    steps: run, step, status, action, error, ended.
    """

    meta: Mapping[str, str]
    objects: tuple[Row, ...]
    plans: tuple[str, ...]
    runs: tuple[Row, ...]
    steps: tuple[Row, ...]

    @property
    def owner(self) -> str:
        """`project/environment`."""
        return f"{self.meta.get('project')}/{self.meta.get('environment')}"

    @property
    def lineage(self) -> str:
        """As `State.lineage`."""
        return self.meta.get("lineage", "")

    @property
    def serial(self) -> int:
        """As `State.serial`."""
        return int(self.meta.get("serial", "0"))

    @property
    def is_empty(self) -> bool:
        """True where nothing was ever applied with it."""
        return not self.objects and not self.runs


def read_content(state: State) -> Content:
    """All of it, as it is at one moment."""
    database = state.database
    with database.snapshot():
        meta = database.rows("SELECT key, value FROM meta ORDER BY key")
        objects = database.rows("SELECT address, deposed, object, body FROM objects ORDER BY address, deposed")
        plans = database.rows("SELECT digest FROM plans ORDER BY digest")
        runs = database.rows("SELECT run, plan, body, status, started, ended FROM runs ORDER BY rowid")
        steps = database.rows("SELECT run, step, status, action, error, ended FROM steps ORDER BY run, step")
    return Content(
        {str(key): str(value) for key, value in meta if key not in _NOT_CONTENT},
        tuple(objects),
        tuple(str(digest) for (digest,) in plans),
        tuple((row[0], row[1], bytes(row[2]), *row[3:]) for row in runs),
        tuple(steps),
    )


def write_content(sql: Writer, content: Content, serial: int) -> None:
    """Put it in place of everything that is there. `serial`: the number that this commit gets."""
    for table in ("objects", "plans", "runs", "steps"):
        sql.execute(_DELETES[table])
    sql.execute("DELETE FROM meta WHERE key<>'format'")
    sql.many("INSERT INTO meta VALUES (?,?)", sorted({**content.meta, "serial": str(serial)}.items()))
    sql.many("INSERT INTO objects VALUES (?,?,?,?)", content.objects)
    sql.many("INSERT INTO plans VALUES (?)", [(digest,) for digest in content.plans])
    sql.many("INSERT INTO runs (run, plan, body, status, started, ended) VALUES (?,?,?,?,?,?)", content.runs)
    sql.many("INSERT INTO steps VALUES (?,?,?,?,?,?)", content.steps)


_DELETES = {
    "objects": "DELETE FROM objects",
    "plans": "DELETE FROM plans",
    "runs": "DELETE FROM runs",
    "steps": "DELETE FROM steps",
}
