"""Objects to keep."""

from __future__ import annotations

from aivp.model.object import Object


def thing(name: str, host: str = "lab", **more) -> Object:
    """A file that was created."""
    return Object(
        **{
            "address": f"file.{name}@{host}",
            "kind": "file",
            "host": host,
            "identity": {"path": f"/srv/{name}"},
            "provenance": "created",
            "attributes": {"path": f"/srv/{name}", "content": "ü\u0000\n\U0001f600", "size": 2**53 - 1},
            "connection": {"connection": {}, "transport": "local"},
            **more,
        }
    )
