"""Objects of state as text."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.model.object import Object
from aivp.views import escape
from aivp.views.value_text import value_text


def render_objects(objects: Sequence[Object], *, width: int) -> str:
    """A line an object: address, and whether it was there before."""
    return "\n".join(_line(item, width) for item in objects)


def render_object(item: Object, *, width: int) -> str:
    """Everything that is recorded of one object."""
    lines = [escape.line(item.address), f"  {item.provenance} on {escape.line(item.host)}"]
    for title, fields in (("last applied", item.attributes), ("outputs", item.outputs)):
        if fields:
            lines.append(f"  {title}:")
            lines += [f"    {escape.line(name)}: {value_text(fields[name], max(width - 24, 40))}" for name in sorted(fields)]
    if item.edges:
        lines.append("  needs: " + ", ".join(escape.line(edge) for edge in item.edges))
    return "\n".join(lines)


def _line(item: Object, width: int) -> str:
    marks = [name for name, is_so in (("adopted", item.provenance == "adopted"), ("deposed", item.is_deposed)) if is_so]
    return f"{escape.line(item.address)}{'  (' + ', '.join(marks) + ')' if marks else ''}"[:width]
