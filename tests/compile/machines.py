"""Small manifests of images, networks and VMs: what compile sees of the real ones."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_COMPUTED = {**_TEXT, "x-aivp": {"computed": True}}


def _refers(kind: str) -> dict[str, Any]:
    return {**_TEXT, "x-aivp": {"refers": {"kind": kind, "field": "path", "here": True}}}


def _manifest(name: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "properties": {"name": _TEXT, **properties}}
    kind = {"identity": ["name"], "identity_from_name": True, "schema": schema, **more}
    return {"manifest": 1, "name": name, "version": "0.1.0", "kinds": {name: kind}}


NETWORK = _manifest("network", {"cidr": _TEXT, "mode": {"enum": ["user", "nat", "isolated"]}, "path": _COMPUTED})
IMAGE = _manifest("image", {"debian": {"type": "object"}, "path": _COMPUTED})
VM = _manifest(
    "vm",
    {
        "image": _refers("image"),
        "memory": {"type": ["integer", "string"], "x-aivp": {"semantic": "quantity"}},
        "networks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["network"],
                "properties": {"network": _refers("network"), "address": _TEXT},
            },
        },
        "disks": {"type": "array", "items": _refers("image")},
        "zone": {**_TEXT, "x-aivp": {"refers": {"kind": "acme/zone", "field": "id"}}},
        "address": _COMPUTED,
        "way": {"type": ["array", "null"], "x-aivp": {"computed": True}},
    },
    channel="way",
)
MACHINES = [NETWORK, IMAGE, VM]
