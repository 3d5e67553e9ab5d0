"""Images on hosts and entries of a catalogue as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp_contract.values import Json

from aivp.model.images import Entry
from aivp.views.measure import amount, size
from aivp.views.page import Page, Piece
from aivp.views.table import write_table

Rows = Sequence[Mapping[str, Json]]
_SHORT = 12


def render_images(host: str, images: Rows, *, width: int, color: bool = False) -> str:
    """A row an image: its digest, who has it, who uses it, what it takes."""
    page = Page(width, color=color)
    if not images:
        page.add(("strong", host), ("", ": no images"))
        return page.text()
    page.add(("strong", host))
    head = ("IMAGE", "DECLARED AS", "USED BY", "TAKES", "DISK")
    _table(
        page,
        head,
        [(_short(row["digest"]), _list(row["names"]), _list(row["users"]), _size(row), _disk(row)) for row in images],
    )
    return page.text()


def render_entries(
    entries: Sequence[Entry], states: Mapping[str, Mapping[str, str]], *, width: int, color: bool = False
) -> str:
    """A row an entry. states: host → file of an entry → how much of it is there."""
    page = Page(width, color=color)
    if not entries:
        page.add(("", "The catalogue is empty. Add to it: aivp image catalogue add NAME URL --sha256 DIGEST"))
        return page.text()
    head = ("NAME", "FORMAT", "DIGEST", *(host.upper() for host in states), "FROM")
    rows = [
        (
            entry.name,
            entry.format or "-",
            f"{entry.algorithm}:{entry.digest[:_SHORT]}",
            *(found.get(entry.file, "-") if entry.is_remote else "" for found in states.values()),
            entry.place,
        )
        for entry in entries
    ]
    _table(page, head, rows)
    return page.text()


def render_progress(message: str, done: int | None, total: int | None) -> str:
    """One line of how far something is."""
    if done is None:
        return message
    return f"{message}: {amount(done, total) if total else size(done)}"


def how_much(row: Mapping[str, Json]) -> str:
    """What is there of a download."""
    return (
        size(_number(row.get("size"))) if row.get("is_whole") is True else f"{size(_number(row.get('size')))}, in part"
    )


def _table(page: Page, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    shown: list[list[Piece]] = [[("faint", text) for text in head]]
    shown += [[("strong" if number == 0 else "", text) for number, text in enumerate(row)] for row in rows]
    write_table(page, shown)


def _short(digest: Json) -> str:
    return str(digest)[:_SHORT]


def _list(value: Json) -> str:
    return ", ".join(str(item) for item in value) or "-" if isinstance(value, list) else "-"


def _size(row: Mapping[str, Json]) -> str:
    return size(_number(row.get("size")))


def _disk(row: Mapping[str, Json]) -> str:
    if row.get("why"):
        return f"damaged: {row['why']}"
    looks = _number(row.get("looks"))
    return f"{row.get('format')} of {size(looks)}" if looks else "none"


def _number(value: Json) -> int:
    return value if type(value) is int and value >= 0 else 0
