"""A small manifest with kinds of every sort, independent of the real providers."""

from __future__ import annotations

from typing import Any

_PATH = {"type": "string", "x-aivp": {"semantic": "path"}}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}


def _kind(properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}
    return {"schema": schema, **more}


FILE = _kind(
    {
        "path": _PATH,
        "state": {"enum": ["file", "directory", "absent"], "default": "file"},
        "content": {
            "type": "string",
            "x-aivp": {"text": True, "content": {"source": "source", "template": "template", "vars": "vars"}},
        },
        "source": _TEXT,
        "template": {
            "anyOf": [
                _TEXT,
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["inline"],
                    "properties": {"inline": _TEXT},
                },
            ]
        },
        "vars": {"type": "object"},
        "target": _TEXT,
        "owner": _TEXT,
        "mode": {"type": "string", "x-aivp": {"semantic": "mode"}},
        "tags": {"type": "array", "items": _TEXT, "x-aivp": {"set": True}},
        "digest": {"type": "string", "x-aivp": {"computed": True}},
    },
    required=("path",),
    identity=["path"],
    phase="file",
    provides=[{"capability": "path", "field": "path"}],
    requires=[{"capability": "path", "field": "path", "parents": True}, {"capability": "user", "field": "owner"}],
    rules=[
        {"at_most_one": ["content", "source", "template"]},
        {"when": {"state": ["absent"]}, "forbidden": ["content", "source", "template", "owner", "mode"]},
        {"when": {"state": ["file"]}, "forbidden": ["target"]},
    ],
)
SERVICE = _kind(
    {"name": _TEXT, "running": _FLAG, "enabled": _FLAG, "pid": {"type": "integer", "x-aivp": {"computed": True}}},
    identity=["name"],
    identity_from_name=True,
    phase="service",
    refreshable=True,
)
PACKAGE = _kind(
    {"name": _TEXT, "version": _TEXT, "state": {"enum": ["present", "absent"], "default": "present"}},
    identity=["name"],
    identity_from_name=True,
    phase="package",
    shared=True,
    batch=True,
)
USER = _kind(
    {
        "name": _TEXT,
        "uid": {"type": "integer", "minimum": 0},
        "home": _PATH,
        "group": _TEXT,
        "password": {"type": "string", "x-aivp": {"sensitive": True}},
        "keys": {
            "type": "array",
            "items": {"type": "object", "properties": {"key": _TEXT, "kind": {"type": "string", "default": "ed25519"}}},
            "x-aivp": {"key": "key"},
        },
        "state": {"enum": ["present", "absent"]},
    },
    identity=["name"],
    identity_from_name=True,
    phase="identity",
    provides=[{"capability": "user", "field": "name"}],
    requires=[{"capability": "group", "field": "group"}],
)
GROUP = _kind(
    {"name": _TEXT, "members": {"type": "array", "items": _TEXT, "x-aivp": {"set": True}}},
    identity=["name"],
    identity_from_name=True,
    phase="identity",
    provides=[{"capability": "group", "field": "name"}],
    requires=[{"capability": "user", "field": "members"}],
)
COMMAND = _kind(
    {
        "name": _TEXT,
        "argv": {"type": "array", "items": _TEXT, "minItems": 1},
        "cwd": _PATH,
        "timeout": {"anyOf": [_TEXT, {"type": "integer"}], "x-aivp": {"semantic": "duration"}},
        "output": {"type": "string", "x-aivp": {"computed": True}},
    },
    required=("argv",),
    identity=["name"],
    identity_from_name=True,
    phase="command",
    existence="recorded",
    refreshable=True,
    requires=[{"capability": "path", "field": "cwd", "parents": True}],
)
NOOP = _kind(
    {
        "name": _TEXT,
        "input": {},
        "output": {"x-aivp": {"computed": True}},
    },
    identity=["name"],
    identity_from_name=True,
    refreshable=True,
)
CLOUD = _kind(
    {"name": _TEXT, "zone": _TEXT, "id": {"type": "string", "x-aivp": {"computed": True}}},
    identity=["name"],
    identity_from_name=True,
    placement="controller",
)

HOST_MANIFEST: dict[str, Any] = {
    "manifest": 1,
    "name": "host",
    "version": "1.2.0",
    "kinds": {
        "file": FILE,
        "service": SERVICE,
        "package": PACKAGE,
        "user": USER,
        "group": GROUP,
        "command": COMMAND,
        "noop": NOOP,
    },
}
CLOUD_MANIFEST: dict[str, Any] = {"manifest": 1, "name": "acme", "version": "0.3", "kinds": {"acme/zone": CLOUD}}
