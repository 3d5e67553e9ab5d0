"""Hosts as text: what is declared, whether aivp can work there, and their facts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from aivp.model.checked import Checked
from aivp.model.evidence import HostEvidence
from aivp.model.resource import Host
from aivp.observe.facts import flat
from aivp.views.measure import size
from aivp.views.page import Page, Piece
from aivp.views.table import write_table


def render_hosts(
    hosts: Sequence[Host],
    groups: Mapping[str, Sequence[str]],
    resources: Mapping[str, Sequence[str]],
    *,
    width: int,
    color: bool = False,
    verbose: bool = False,
) -> str:
    """A row a host, then a row a group. verbose: with the addresses of what is declared on each host."""
    page = Page(width, color=color)
    if not hosts:
        page.add(("", "No host is declared."))
    else:
        rows = [("HOST", "TRANSPORT", "RESOURCES", "LABELS", "REACHED BY")]
        rows += [
            (host.name, host.transport, f"{len(resources[host.name]):,}", _labels(host), _way(host)) for host in hosts
        ]
        _write(page, rows)
    for host in hosts if verbose else ():
        page.blank()
        page.add(("strong", host.name), ("faint", "" if resources[host.name] else "  nothing is declared on it"))
        for address in resources[host.name]:
            page.add(("", address), indent=2)
    if groups:
        page.blank()
        _write(page, [("GROUP", "HOSTS"), *((name, ", ".join(names) or "-") for name, names in sorted(groups.items()))])
    return page.text()


def render_checked(found: Sequence[Checked], *, width: int, color: bool = False) -> str:
    """A row a host. What is wrong is for the diagnostics below; here it is named by its code."""
    page = Page(width, color=color)
    head: list[Piece] = [("faint", text) for text in ("HOST", "STATUS", "OS", "PYTHON", "USER", "FREE", "CLOCK")]
    write_table(page, [head, *(_checked(item) for item in found)])
    unfit = [item.host for item in found if not item.is_fit]
    if unfit:
        page.blank()
        page.add(("loud", f"{len(unfit):,} of {len(found):,} hosts cannot be worked on."))
    return page.text()


def render_facts(found: Mapping[str, HostEvidence], *, width: int, color: bool = False) -> str:
    """Every host's facts by their dotted names."""
    page = Page(width, color=color)
    for name, item in found.items():
        page.blank()
        page.add(("strong", name), ("bad", "  could not be asked" if item.error is not None else ""))
        rows = [[("", f"  {path}"), ("", _value(value))] for path, value in flat(item.facts)]
        if rows:
            write_table(page, rows)
    return page.text()


def _write(page: Page, rows: Iterable[Sequence[str]]) -> None:
    lines = [list(row) for row in rows]
    write_table(
        page,
        [
            [("faint" if not index else "" if at else "strong", text) for at, text in enumerate(row)]
            for index, row in enumerate(lines)
        ],
    )


def _labels(host: Host) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(host.labels.items())) or "-"


def _way(host: Host) -> str:
    """How it is reached, as a person would write it."""
    connection = host.connection
    become = connection.get("become")
    raised = "" if become is None else f", {become['method']} to {become['user']}"
    match host.transport:
        case "exec":
            return shlex.join(connection["command"]) + raised
        case "ssh":
            user = f"{connection['user']}@" if "user" in connection else ""
            port = f":{connection['port']}" if "port" in connection else ""
            jump = f" by way of {connection['jump']}" if "jump" in connection else ""
            return f"{user}{connection['address']}{port}{jump}{raised}"
        case _:
            return "this machine" + raised


def _checked(item: Checked) -> list[Piece]:
    wrong = [remark.code for remark in item.remarks if remark.severity == "error"]
    if wrong:
        status: Piece = ("bad", ", ".join(wrong))
    elif item.remarks:
        status = ("change", "ok, but")
    else:
        status = ("good", "ok")
    user = "-" if item.user is None else "root" if item.user == 0 else str(item.user)
    free = "-" if item.free < 0 else size(item.free)
    return [
        ("strong", item.host),
        status,
        *(("", text) for text in (item.os or "-", item.python or "-", user, free, _clock(item))),
    ]


def _clock(item: Checked) -> str:
    """A difference that may come from the way there is none."""
    if item.clock is None:
        return "-"
    return "ok" if abs(item.clock) < 1 + item.round_trip else f"{item.clock:+,.0f} s"


def _value(value: object) -> str:
    return str(value).lower() if type(value) is bool else str(value) or "-"
