"""schemas/*.json → docs/reference/schemas.md: what each describes, its state, and its members at the top."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.site.markdown import code, plain, table

_HEAD = """# Schemas

<!-- written from schemas/ by `make docs-update`: do not edit -->

What aivp writes for programs to read has a JSON Schema (2020-12) in [schemas](../../schemas). A *released* one
never changes again; a *draft* may ([what may change](../protocol/compatibility.md)). They refer to each other by
`$id`: load them together.

"""


def schemas_page(folder: Path) -> str:
    """The whole page. `folder`: where `releases.json` stands."""
    states = json.loads((folder / "releases.json").read_text(encoding="utf-8"))["files"]
    found = {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in sorted(states)}
    rows = [
        (f"[{code(name)}](../../schemas/{name})", plain(schema.get("title", "")), states[name]["state"])
        for name, schema in found.items()
    ]
    parts = [_HEAD, table(("file", "", "state"), rows)]
    for name, schema in found.items():
        parts.append(f"\n## {name}\n\n{code(schema.get('$id', ''))}\n\n")
        if "description" in schema:
            parts.append(f"{plain(schema['description'])}\n\n")
        parts.append(_members(schema))
    return "".join(parts)


def _members(schema: Mapping[str, Any]) -> str:
    if "oneOf" in schema:
        names = sorted(str(one.get("$ref", "")).rpartition("/")[2] for one in schema["oneOf"])
        return "One of: " + ", ".join(code(name) for name in names if name) + ".\n"
    if not schema.get("properties"):
        return "Definitions: " + ", ".join(code(name) for name in sorted(schema.get("$defs", {}))) + ".\n"
    required = schema.get("required", ())
    rows = [
        (
            code(name),
            "yes" if name in required else "",
            plain(member.get("description", "") if member is not True else ""),
        )
        for name, member in schema["properties"].items()
    ]
    return table(("member", "required", ""), rows)
