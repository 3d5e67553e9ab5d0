"""Virtual machines as tables: what each is and does, and how busy it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp.engine.vms_left import Left
from aivp.model.vms import Vm
from aivp.views.measure import lasted, size
from aivp.views.page import Page, Piece
from aivp.views.table import write_table

_MEANING = {"running": "good", "absent": "faint", "stopped": "faint", "paused": "change", "waiting": "change"}


def render_vms(found: Sequence[Vm], *, width: int, color: bool = False) -> str:
    """A row each; those of nobody's last."""
    page = Page(width, color=color)
    if not found:
        page.add(("", "There is no VM."))
        return page.text()
    head: list[Piece] = [
        ("faint", text) for text in ("VM", "STATE", "ADDRESS", "ACCELERATOR", "CPUS", "MEMORY", "UPTIME")
    ]
    write_table(page, [head, *(_row(vm) for vm in found)])
    for vm in found:
        said = vm.text("error") if vm.seen is not None else ""
        if said:
            page.add(("change", f"{vm.title}: {said}"))
    return page.text()


def render_top(found: Sequence[Vm], before: Mapping[str, float], seconds: float, *, width: int, color: bool) -> str:
    """A row each, the busiest first. before: seconds of processor that each had used `seconds` ago, by title."""
    page = Page(width, color=color)
    shares = {vm.title: share(vm, before, seconds) for vm in found}
    busiest = sorted(found, key=lambda vm: (-(shares[vm.title] or 0.0), vm.title))
    head: list[Piece] = [("faint", text) for text in ("VM", "STATE", "CPU", "OF", "RESIDENT", "MEMORY", "UPTIME")]
    rows = [
        [
            ("strong", vm.title),
            _state(vm),
            *(("", text) for text in (_percent(shares[vm.title]), _cpus(vm), _bytes(vm, "resident"), *_last(vm))),
        ]
        for vm in busiest
    ]
    if not rows:
        page.add(("", "There is no VM."))
        return page.text()
    write_table(page, [head, *rows])
    return page.text()


def share(vm: Vm, before: Mapping[str, float], seconds: float) -> float | None:
    """How many processors it kept busy since; None where nobody knows."""
    used = vm.number("cpu_seconds")
    if used is None or vm.title not in before or seconds <= 0:
        return None
    return max(used - before[vm.title], 0.0) / seconds


def _row(vm: Vm) -> list[Piece]:
    name: Piece = ("strong", vm.title) if vm.address else ("faint", f"{vm.title} (not of this project)")
    cells = (vm.text("address") or "-", vm.text("accelerator") or "-", _cpus(vm), *_last(vm))
    return [name, _state(vm), *(("", text) for text in cells)]


def _last(vm: Vm) -> tuple[str, str]:
    uptime = vm.number("uptime")
    return _bytes(vm, "memory"), "-" if uptime is None else lasted(round(uptime))


def _state(vm: Vm) -> Piece:
    return _MEANING.get(vm.status, "bad"), vm.status


def _cpus(vm: Vm) -> str:
    cpus = vm.number("cpus")
    return "-" if cpus is None else f"{cpus:.0f}"


def _bytes(vm: Vm, name: str) -> str:
    number = vm.number(name)
    return "-" if number is None else size(int(number))


def _percent(found: float | None) -> str:
    return "-" if found is None else f"{found * 100:.0f}%"


def render_left(found: Sequence[Left], *, width: int, color: bool = False) -> str:
    """VMs that this project does not know, a row each."""
    page = Page(width, color=color)
    if not found:
        page.add(("", "Nothing is left behind."))
        return page.text()
    head: list[Piece] = [("faint", text) for text in ("VM", "STATE", "WHOSE", "FOLDER")]
    rows: list[list[Piece]] = [
        [
            ("strong", item.vm.title),
            _state(item.vm),
            ("", ", ".join(item.claims)) if item.claims else ("change", "nobody's"),
            ("", item.vm.folder),
        ]
        for item in found
    ]
    write_table(page, [head, *rows])
    return page.text()


def render_snapshots(found: Sequence[Mapping[str, object]], *, width: int, color: bool = False) -> str:
    """A row each, as they are listed."""
    page = Page(width, color=color)
    if not found:
        page.add(("", "It has no snapshot."))
        return page.text()
    head: list[Piece] = [("faint", text) for text in ("SNAPSHOT", "MADE", "SIZE", "MEMORY")]
    rows: list[list[Piece]] = [
        [
            ("strong", str(item["name"])),
            ("", str(item["made"] or "-")),
            ("", size(item["size"]) if isinstance(item["size"], int) else "-"),
            ("", "yes" if item["has_memory"] else "no"),
        ]
        for item in found
    ]
    write_table(page, [head, *rows])
    return page.text()
