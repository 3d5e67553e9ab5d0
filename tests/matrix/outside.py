"""Snapshot → the values of a resource's fields, read without aivp; and where they are not what a plan said.

Only what a field's words mean on the host is told here, in the simplest way: it must not share code, or mistakes,
with the provider that it judges.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests import lab
from tests.lab.snapshots import AccountEntry, FileEntry, PackageEntry, UnitEntry, UnitFileEntry

Fields = Mapping[str, Any]


def seen(snapshot: lab.Snapshot, kind: str, config: Fields) -> dict[str, Any]:
    """The fields of a declared resource that can be read from outside; `state` alone where nothing is there."""
    return _READERS[kind](snapshot, config) if kind in _READERS else {}


def differences(snapshot: lab.Snapshot, kind: str, config: Fields) -> Iterator[str]:
    """Where the host is not as declared."""
    found = seen(snapshot, kind, config)
    for field, wanted in sorted(config.items()):
        if field in found and not _is_met(field, wanted, found[field], config):
            yield f"{field} is {found[field]!r}, declared as {wanted!r}"


def unforeseen(before: lab.Snapshot, after: lab.Snapshot, kind: str, step: Mapping[str, Any]) -> Iterator[str]:
    """Where a step did something else than its changes say: a field changed unsaid, or not from and to what is said."""
    config, action = step["config"], step["action"]
    was, now = seen(before, kind, config), seen(after, kind, config)
    named = {change["path"].split("/")[1] for change in step.get("changes", ())}
    for field in sorted(was.keys() & now.keys() & config.keys()):
        if was[field] != now[field] and field not in named and action == "update":
            yield f"{field} changed from {was[field]!r} to {now[field]!r}, which the plan does not say"
    for change in step.get("changes", ()):
        field, *beneath = change["path"].split("/")[1:]
        if beneath or field not in now:
            continue
        if not _is_met(field, change.get("after"), now[field], config):
            yield f"{field} became {now[field]!r}; the plan says {change.get('after')!r}"
        told = change.get("before")
        if (
            isinstance(told, (str, bool, int))
            and was.get(field) is not None
            and not _is_met(field, told, was[field], {})
        ):
            yield f"{field} was {was[field]!r}; the plan says {told!r}"


def _is_met(field: str, wanted: Any, found: Any, config: Fields) -> bool:
    if field == "content" and isinstance(wanted, str):
        return bool(found == hashlib.sha256(wanted.encode()).hexdigest())
    if field in ("members", "groups") and config.get("membership", "minimum") == "minimum":
        return set(wanted) <= set(found)
    if field == "version":
        return bool(re.fullmatch(str(wanted).replace(".", r"\.").replace("*", ".*"), str(found)))
    if not isinstance(wanted, (str, bool, int, list)):
        return True  # a mark instead of a value: a secret, or private content
    return bool(wanted == found)


def _file(snapshot: lab.Snapshot, config: Fields) -> dict[str, Any]:
    entry = snapshot.get(config["path"])
    if not isinstance(entry, FileEntry):
        return {"state": "absent"}
    names = {"user": _by_id(snapshot, "user"), "group": _by_id(snapshot, "group")}
    found: dict[str, Any] = {"state": {"symlink": "link"}.get(entry.type, entry.type)}
    if entry.type == "symlink":
        return {**found, "target": entry.content}
    found |= {"owner": names["user"].get(entry.uid), "group": names["group"].get(entry.gid), "mode": entry.mode}
    return {**found, "content": entry.content} if entry.type == "file" else found


def _package(snapshot: lab.Snapshot, config: Fields) -> dict[str, Any]:
    entry = snapshot.get(f"package:{config['name']}")
    if not isinstance(entry, PackageEntry):
        return {"state": config.get("state") if config.get("state") in ("absent", "purged") else "nothing"}
    wish, _, is_ = entry.status.split()
    if is_ == "config-files":
        return {"state": "absent"}
    state = "present" if is_ == "installed" else "broken"
    return {"state": state, "version": entry.version, "hold": wish == "hold"}


def _service(snapshot: lab.Snapshot, config: Fields) -> dict[str, Any]:
    unit, file = snapshot.get(f"unit:{config['name']}.service"), snapshot.get(f"unit-file:{config['name']}.service")
    state = file.state if isinstance(file, UnitFileEntry) else ""
    return {
        "running": isinstance(unit, UnitEntry) and unit.active == "active",
        "enabled": None if state == "enabled-runtime" else state == "enabled",  # neither, until the next boot
        "masked": state.startswith("masked"),
    }


def _user(snapshot: lab.Snapshot, config: Fields) -> dict[str, Any]:
    entry = snapshot.get(f"user:{config['name']}")
    if not isinstance(entry, AccountEntry):
        return {"state": "absent"}
    _, uid, gid, comment, home, shell = entry.fields.split(":")
    return {
        "state": "present",
        "uid": int(uid),
        "group": _by_id(snapshot, "group").get(int(gid)),
        "groups": [
            name for name, fields in _accounts(snapshot, "group") if config["name"] in fields[-1].split(",") and name
        ],
        "comment": comment,
        "home": home,
        "shell": shell,
    }


def _group(snapshot: lab.Snapshot, config: Fields) -> dict[str, Any]:
    entry = snapshot.get(f"group:{config['name']}")
    if not isinstance(entry, AccountEntry):
        return {"state": "absent"}
    _, gid, members = entry.fields.split(":")
    return {"state": "present", "gid": int(gid), "members": sorted(filter(None, members.split(",")))}


def _by_id(snapshot: lab.Snapshot, kind: str) -> dict[int, str]:
    return {int(fields[1]): name for name, fields in _accounts(snapshot, kind)}


def _accounts(snapshot: lab.Snapshot, kind: str) -> Iterator[tuple[str, list[str]]]:
    for key, entry in snapshot.items():
        if key.startswith(f"{kind}:") and isinstance(entry, AccountEntry):
            yield key.partition(":")[2], entry.fields.split(":")


_READERS = {"file": _file, "group": _group, "package": _package, "service": _service, "user": _user}
