"""A state ↔ a copy of it: one file of canonical JSON with its own digest, which fits either back end.

It is as confidential as state itself: outputs and values of the real world stand in it, though never a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.model.forms import NOTHING, Form, Map, check
from aivp.plugins.suggestion import listing
from aivp.state.check import flaws
from aivp.state.content import Content, read_content, write_content
from aivp.state.records import OPEN, refuse_open
from aivp.state.store import State

VERSION = 1

_FORM: Final[Form] = {
    "meta": Map(str),
    "objects": [{"address": str, "deposed": int, "object": str, "body": str}],
    "plans": [str],
    "runs": [{"run": str, "plan": str, "status": str, "started": str, "ended": (str, NOTHING)}],
    "bodies": Map(str),
    "steps": [{"run": str, "step": str, "status": str, "action": str, "error": (str, NOTHING), "ended": str}],
}


def encode(content: Content) -> bytes:
    """The file's bytes; the same content gives the same. Raises Refused where a run's plan is no text."""
    try:
        bodies = {row[1]: row[2].decode() for row in content.runs}
    except UnicodeDecodeError:
        raise refusal("AIVP0842", "The plan of a run is damaged.", "See: aivp state check") from None
    form: dict[str, Json] = {
        "meta": dict(content.meta),
        "objects": _maps(("address", "deposed", "object", "body"), content.objects),
        "plans": list(content.plans),
        "runs": [_map(("run", "plan", "status", "started", "ended"), (*row[:2], *row[3:])) for row in content.runs],
        "bodies": bodies,
        "steps": _maps(("run", "step", "status", "action", "error", "ended"), content.steps),
    }
    return canonical.encode({"copy": VERSION, "digest": canonical.digest(form), "state": form})


def decode(data: bytes) -> Content:
    """The content of a file. Raises Refused for anything that `encode` did not write, or that was changed since."""
    try:
        whole = canonical.decode(data, {})
        version = whole.get("copy")
        if type(version) is int and version > VERSION:
            why = f"This copy has version {version}; this aivp knows versions up to {VERSION}."
            raise refusal("AIVP0840", why, "Use the aivp that wrote it, or a newer one.")
        check({"copy": VERSION, "digest": str, "state": _FORM}, whole)
        if whole["digest"] != canonical.digest(whole["state"]):
            raise refusal("AIVP0840", "The copy is not as it was written: its digest does not fit.", _OTHER)
        found = _content(whole["state"])
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise refusal("AIVP0840", "This file is no copy of a state.", _OTHER) from None
    wrong = [item for item in flaws(found) if item.severity == "error"]
    if wrong:
        raise refusal("AIVP0840", f"The copy is of a state that was damaged already: {wrong[0].why}", _OTHER)
    return found


_OTHER = "Take one that `aivp state backup` wrote, as it is."


def restore(state: State, content: Content, *, is_forced: bool) -> bool:
    """Put a copy in place of what is there; False where that is the same already. Raises Refused where it is of another
    project, and unless forced where it is older, of another lineage, or would lose an open run.
    """
    now = read_content(state)
    if now.owner != content.owner:
        why = f"The copy is of {content.owner}, this state of {now.owner}."
        raise refusal("AIVP0841", why, "Choose project and environment that it is of.")
    if _is_same(now, content):
        return False
    if not now.is_empty and not is_forced:
        refuse_open(state.open_run())
        _refuse_loss(now, content)
    with state.database.transaction("restore") as sql:
        write_content(sql, content, max(now.serial, content.serial) + 1)
    return True


def _refuse_loss(now: Content, content: Content) -> None:
    words: list[str] = []
    if now.lineage != content.lineage:
        words.append("it is of another lineage (hosts would refuse it until `aivp state rebuild`)")
    elif now.serial > content.serial:
        words.append(f"it is older by {now.serial - content.serial} commits")
    if words:
        words += differences(now, content)
        why = f"The copy is not what this state became: {'; '.join(words)}."
        mend = (
            "Keep today's first (aivp state backup), then say --force. Afterwards hosts may know more than state does."
        )
        raise Refused([Diagnostic("AIVP0841", why, mend)])


def differences(now: Content, content: Content) -> list[str]:
    """What a restore would change, in words."""
    here, there = ({(row[0], row[1]): row[3] for row in item.objects} for item in (now, content))
    changed = [key for key in here.keys() & there.keys() if here[key] != there[key]]
    runs = {row[0] for row in now.runs} - {row[0] for row in content.runs}
    begun = [row[0] for row in content.runs if row[3] in OPEN]
    found = [
        _said("would be forgotten", here.keys() - there.keys()),
        _said("would come back", there.keys() - here.keys()),
        _said("would be as they were", changed),
        f"{len(runs)} runs would be forgotten" if runs else "",
        f"the run {begun[0]} would be open again" if begun else "",
    ]
    return [item for item in found if item]


def _said(what: str, keys: Iterable[tuple[str, int]]) -> str:
    names = [address for address, _ in keys]
    return f"{len(names)} object{'' if len(names) == 1 else 's'} {what} ({listing(names, 5)})" if names else ""


def _is_same(now: Content, content: Content) -> bool:
    left, right = ({**item.meta, "serial": ""} for item in (now, content))
    same = (now.objects, now.plans, now.runs, now.steps) == (
        content.objects,
        content.plans,
        content.runs,
        content.steps,
    )
    return left == right and same


def _content(form: Mapping[str, Any]) -> Content:
    bodies = form["bodies"]
    int(form["meta"].get("serial", "0"))
    return Content(
        form["meta"],
        tuple((row["address"], row["deposed"], row["object"], row["body"]) for row in form["objects"]),
        tuple(form["plans"]),
        tuple(
            (row["run"], row["plan"], bodies[row["plan"]].encode(), row["status"], row["started"], row["ended"])
            for row in form["runs"]
        ),
        tuple(
            (row["run"], row["step"], row["status"], row["action"], row["error"], row["ended"]) for row in form["steps"]
        ),
    )


def _maps(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[Json]:
    return [_map(names, row) for row in rows]


def _map(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Json]:
    return dict(zip(names, row, strict=True))
