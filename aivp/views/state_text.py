"""Objects of state → text: a table of all, or everything that is recorded of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp_contract.values import Json

from aivp.model.object import Object
from aivp.views import escape
from aivp.views.page import Page, Piece
from aivp.views.table import write_table
from aivp.views.value_text import value_lines, value_text


def render_objects(objects: Sequence[Object], *, width: int, color: bool = False) -> str:
    """A row an object: address, provenance, identity."""
    page = Page(width, color=color)
    rows = [("ADDRESS", "PROVENANCE", "IDENTITY")]
    rows += [(item.address, _provenance(item), _identity(item.identity)) for item in objects]
    write_table(page, [_row(row, is_head=number == 0) for number, row in enumerate(rows)])
    return page.text()


def render_object(item: Object, *, width: int, color: bool = False, verbose: bool = False) -> str:
    """Everything that is recorded of one object; long values are cut unless verbose."""
    page = Page(width, color=color)
    most = 20_000 if verbose else 400
    page.add(("strong", escape.line(item.address)))
    for name, text in _facts(item):
        page.add(("faint", f"{name}: "), ("", text), indent=2, hang=4)
    groups = (("identity", item.identity), ("last applied", item.attributes), ("outputs", item.outputs))
    for title, fields in groups:
        if fields:
            page.add(("faint", f"{title}:"), indent=2)
        for name in sorted(fields):
            _write_field(page, name, fields[name], most)
    return page.text()


def _facts(item: Object) -> Iterator[tuple[str, str]]:
    yield "host", item.host
    yield "provenance", _provenance(item)
    if item.incarnation:
        yield "incarnation", item.incarnation
    if lifecycle := item.lifecycle.form():
        yield "lifecycle", value_text(lifecycle)
    if item.edges:
        yield "needs", ", ".join(item.edges)


def _write_field(page: Page, name: str, value: Json, most: int) -> None:
    """One line where it fits, else a member or a line of its text each."""
    short = value_text(value, most)
    is_text = type(value) is str and "\n" in value
    if not is_text and (len(short) + len(name) + 6 <= page.width or type(value) not in (list, dict)):
        page.add(("", f"{escape.line(name)}: {short}"), indent=4, hang=4)
        return
    page.add(("", f"{escape.line(name)}:"), indent=4)
    shown = escape.block(value.removesuffix("\n"), most).split("\n") if is_text else value_lines(value, most)
    for text in shown:
        page.add_verbatim("", "", text, 6)


def _provenance(item: Object) -> str:
    return item.provenance + (", deposed" if item.is_deposed else "")


def _identity(identity: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {value_text(identity[name])}" for name in sorted(identity))


def _row(texts: Sequence[str], *, is_head: bool) -> list[Piece]:
    return [("faint" if is_head else "", text) for text in texts]
