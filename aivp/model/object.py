"""Objects: the real things that state knows, as plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aivp_contract.values import Json

from aivp.model.forms import ANY, CONNECTION, LIFECYCLE, Form, Map, check
from aivp.model.resource import Lifecycle, read_lifecycle

Provenance = Literal["created", "adopted"]


@dataclass(frozen=True, slots=True)
class Object:
    """One real thing. `attributes` are the managed fields last applied, with secrets by their origin only.

    connection: how its host was reached, as `Host.form`; edges: the addresses that it needed; tainted: fields that hold
    secrets or ever did, so that what is there may still be one; registered: the address that its host
    knows it by, where it was renamed in state since.
    """

    address: str
    kind: str
    host: str
    identity: Mapping[str, Json]
    provenance: Provenance
    attributes: Mapping[str, Json]
    outputs: Mapping[str, Json] = field(default_factory=dict)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    edges: Sequence[str] = ()
    schema_version: int = 1
    incarnation: str = ""
    connection: Mapping[str, Json] = field(default_factory=dict)
    is_deposed: bool = False
    tainted: Sequence[str] = ()
    registered: str = ""

    def form(self) -> dict[str, Json]:
        """As JSON, in evidence and in the state."""
        found: dict[str, Json] = {
            "address": self.address,
            "kind": self.kind,
            "host": self.host,
            "identity": dict(self.identity),
            "provenance": self.provenance,
            "attributes": dict(self.attributes),
            "outputs": dict(self.outputs),
            "lifecycle": self.lifecycle.form(),
            "edges": sorted(self.edges),
            "schema_version": self.schema_version,
            "incarnation": self.incarnation,
            "connection": dict(self.connection),
            "is_deposed": self.is_deposed,
        }
        if self.tainted:
            found["tainted"] = sorted(self.tainted)
        if self.registered:
            found["registered"] = self.registered
        return found


FORM: Final[Form] = {
    "address": str,
    "kind": str,
    "host": str,
    "identity": Map(ANY),
    "provenance": ("created", "adopted"),
    "attributes": Map(ANY),
    "outputs": Map(ANY),
    "lifecycle": LIFECYCLE,
    "edges": [str],
    "schema_version": int,
    "incarnation": str,
    "connection": CONNECTION,
    "is_deposed": bool,
    "tainted?": [str],
    "registered?": str,
}


def read_object(raw: Mapping[str, Any]) -> Object:
    """The reverse of `form`. Raises ValueError on anything else."""
    check(FORM, raw)
    return Object(**{**raw, "lifecycle": read_lifecycle(raw["lifecycle"])})
