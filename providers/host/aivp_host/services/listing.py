"""systemd's units → declarations that change nothing, of those that a person decides about.

Not of units that others start (static, indirect), that a generator or a program made, that are gone at the next boot,
or that are only other names.
"""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Set

from aivp_sdk import Json, Listed, Permanent, Session

from . import systemd
from .declaration import NAME, Within
from .steps import is_enabled
from .systemd import Unit

_TYPES = "service,socket,timer,path"
_DECIDED = ("enabled", "disabled", "masked")
_AT_ONCE = 500
"""Units in one question, so that no command line grows too long."""


def declarations(within: Within, session: Session) -> Iterator[Listed]:
    """By the name of the unit."""
    names = _names(session)
    for start in range(0, len(names), _AT_ONCE):
        for unit in systemd.units(names[start : start + _AT_ONCE], session):
            if unit.is_found and unit.id == unit.name and unit.file_state in _DECIDED:
                yield from _declaration(unit, within)


def _declaration(unit: Unit, within: Within) -> Iterator[Listed]:
    name = unit.name.removesuffix(".service")
    if unit.is_masked:
        if within.all or os.path.lexists(f"/etc/systemd/system/{unit.name}"):  # else a package came with it masked
            yield Listed({"name": name, "masked": True})
        return
    found: Dict[str, Json] = {"name": name}
    note = ""
    enabled = unit.file_state == "enabled"
    if is_enabled(unit, enabled) is enabled:
        found["enabled"] = enabled
    else:
        note = "it is enabled in part: enabled is left out"
    if not enabled and unit.is_inactive and not within.all:
        return
    if not unit.runs_once and (unit.is_active or (unit.is_inactive and not enabled)):
        found["running"] = unit.is_active
    if unit.active_state == "failed":
        note = "it has failed"
    if len(found) > 1:
        yield Listed(found, note=note)


def _names(session: Session) -> List[str]:
    """Full names of all unit files and of all units that are loaded, such as instances of templates."""
    found: Set[str] = set()
    for verb in ("list-unit-files", "list-units"):
        options = ["--all", "--full", "--plain", "--no-legend", "--no-pager", f"--type={_TYPES}"]
        done = session.probe(["systemctl", verb, *options])
        if not done.ok:
            why = f"systemctl {verb} failed (exit {done.code}): {systemd.tail(done.stderr)}"
            raise Permanent(why, mend="Does systemctl status work on the host? Reading needs the system bus.")
        found.update(line.split()[0] for line in done.stdout.splitlines() if line.split())
    return sorted(name for name in found if re.match(NAME, name) and not name.rpartition(".")[0].endswith("@"))
