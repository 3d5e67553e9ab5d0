"""Short JSON → the values that views render; what a test does not speak of is filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aivp_contract import canonical

from aivp.diagnostics import Diagnostic, Related, Span
from aivp.events import (
    ContentSent,
    Event,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepsLasting,
    StepsStarted,
)
from aivp.model.expression import IR_TAGS
from aivp.model.object import Object, read_object
from aivp.plan.steps import Plan, read_plan
from aivp.state import RunRecord, StepRecord

KINDS = (
    RunStarted,
    StepsStarted,
    StepsLasting,
    StepEnded,
    ContentSent,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
)
EVENTS = {kind.name: kind for kind in KINDS}


def read_short_plan(text: str) -> Plan:
    """`hosts`: name → transport; `steps`: address, action, and what else matters; changes are intent unless told."""
    raw = json.loads(text)
    steps = [_step(step) for step in raw.pop("steps", [])]
    hosts = {
        name: {
            "transport": transport,
            "connection": {},
            "incarnation": "i",
            "lane": [step["id"] for step in steps if step["host"] == name],
        }
        for name, transport in raw.pop("hosts", {}).items()
    }
    pins = {**dict.fromkeys(("ir", "evidence", "objects", "runner"), "sha256:" + "0" * 64), "manifests": {}}
    base = {"plan": 1, "project": "demo", "environment": "main", "pins": pins}
    base |= {"secrets": {}, "left_out": {}, "notes": []}
    whole = {**base, "unchanged": 0, "is_applicable": True, **raw, "hosts": hosts, "steps": steps}
    return read_plan(json.dumps(whole).encode())


def _step(raw: dict[str, Any]) -> dict[str, Any]:
    kind, host = _kind_and_host(raw["address"])
    changes = [{"cause": "intent", **change} for change in raw.pop("changes", [])]
    return {
        "id": f"{raw['action']}:{raw['address']}",
        "kind": kind,
        "host": host,
        "severity": "change",
        "config": {},
        "identity": {},
        "batch": 0,
        "provenance": "created",
        "changes": changes,
        **raw,
    }


def read_diagnostics(text: str) -> list[Diagnostic]:
    """A list of diagnostics; a span is `file:line:column`."""
    return [_diagnostic(item) for item in json.loads(text)]


def _diagnostic(raw: dict[str, Any]) -> Diagnostic:
    related = tuple(Related(_span(item["span"]), item["message"]) for item in raw.pop("related", []))
    span = _span(raw.pop("span")) if "span" in raw else None
    return Diagnostic(**raw, span=span, related=related)


def _span(text: str) -> Span:
    file, line, column = text.rsplit(":", 2)
    return Span(file, int(line), int(column))


def read_events(text: str) -> list[Event]:
    """A line of JSON an event."""
    return [_event(json.loads(line)) for line in text.splitlines()]


def _event(raw: dict[str, Any]) -> Event:
    if "effect" in raw:
        raw["effect"] = tuple(raw["effect"])
    return EVENTS[raw.pop("type")](**raw)


def read_runs(text: str) -> tuple[list[RunRecord], list[StepRecord]]:
    """`runs` and the `steps` of the last one."""
    raw = json.loads(text)
    runs = [RunRecord(body=b"", **item) for item in raw["runs"]]
    return runs, [StepRecord(**{"error": None, **item}) for item in raw.get("steps", [])]


def read_objects(text: str) -> list[Object]:
    """Objects with what they need; tagged values in their JSON form."""
    found = []
    for raw in canonical.decode(text.encode(), IR_TAGS):
        kind, host = _kind_and_host(raw["address"])
        found.append(read_object({**_OBJECT, "kind": kind, "host": host, **raw}))
    return found


def _kind_and_host(address: str) -> tuple[str, str]:
    """Of any address, also of one that no compiler would let pass."""
    return address.partition(".")[0], address.partition("@")[2]


_OBJECT: Mapping[str, Any] = {
    "identity": {},
    "provenance": "created",
    "attributes": {},
    "outputs": {},
    "lifecycle": {},
    "edges": [],
    "schema_version": 1,
    "incarnation": "",
    "connection": {"transport": "local", "connection": {}},
    "is_deposed": False,
}
