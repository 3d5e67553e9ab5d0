"""Examined hosts as text: what is wrong on each and what mends it, then the commands to run, host by host."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.model.finding import Examined, Finding
from aivp.views.page import Page


def render_examined(found: Sequence[Examined], *, width: int, color: bool = False, verbose: bool = False) -> str:
    """A block a host. verbose: also what is as it should be."""
    page = Page(width, color=color)
    for item in found:
        page.blank()
        _host(page, item, verbose)
    page.blank()
    _sum(page, found)
    return page.text()


def _host(page: Page, item: Examined, verbose: bool) -> None:
    page.add(("strong", item.host), ("faint", f"  {item.title}" if item.title else ""))
    shown = [finding for finding in item.findings if verbose or finding.state != "ok"]
    fine = len(item.findings) - len(shown)
    for finding in shown:
        _finding(page, finding)
    if fine:
        all_right = "thing is as it should be" if fine == 1 else "things are as they should be"
        things = f"{fine:,} {'more ' if shown else ''}{all_right}"
        page.add(("good", "ok: "), ("", things), indent=2)


def _finding(page: Page, finding: Finding) -> None:
    remark = finding.remark
    kinds = f", for {', '.join(finding.kinds)}" if finding.kinds else ""
    if remark is None:
        detail = f" ({finding.detail})" if finding.detail else ""
        page.add(("good", "ok: "), ("", finding.need), ("faint", f"{detail}{kinds}"), indent=2)
        return
    meaning = "bad" if remark.severity == "error" else "change"
    page.add((meaning, f"{remark.severity}[{remark.code}]: "), ("", finding.need), ("faint", kinds), indent=2)
    page.paragraph(remark.why, indent=4)
    page.paragraph(remark.mend, indent=4, meaning="accent")


def _sum(page: Page, found: Sequence[Examined]) -> None:
    missing = sum(finding.state == "missing" for item in found for finding in item.findings)
    warnings = sum(finding.state == "warning" for item in found for finding in item.findings)
    noted = f", {warnings:,} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    if missing:
        unfit = [item.host for item in found if not item.is_fit]
        where = unfit[0] if len(unfit) == 1 else f"{len(unfit):,} of {len(found):,} places"
        page.add(("loud", f"{missing:,} {'thing is' if missing == 1 else 'things are'} missing on {where}{noted}."))
    else:
        page.add(("good", "Nothing is missing"), ("", f"{noted}."))
    if any(item.commands for item in found):
        page.add(("", "What commands can mend, to be run there:"))
    for item in found:
        for command in item.commands:
            page.add(("strong", item.host), ("", f": {command}"), indent=2)
