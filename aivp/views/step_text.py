"""One outlined step → lines: sign, address, reason, what marks it, its changes. What signs mean stands here alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp.views import escape
from aivp.views import plan_words as words
from aivp.views.change_text import write_changes
from aivp.views.outline import Occurrences, Role, StepOutline
from aivp.views.page import Page

SIGNS: Mapping[str, tuple[str, str]] = {
    "create": ("+", "good"),
    "update": ("~", "change"),
    "replace": ("-/+", "bad"),
    "delete": ("-", "bad"),
    "adopt": (">", "accent"),
    "move": ("->", "accent"),
    "forget": ("x", "accent"),
    "refresh": ("o", "change"),
    "check": ("?", "faint"),
    "no-op": ("=", "faint"),
}
"""What a step comes to → sign and colour."""

LOOKED_AT_AGAIN = "*"
"""Mark of a conditional step: behind an effect on the whole host nearly all are, so it must not shout."""

WIDEST = max(len(sign) for sign, _ in SIGNS.values())
DETAILS = WIDEST + 5
"""Column at which details of a step begin: well inside of its address, which the eye looks for."""

APART = 3
"""Steps that destroy or disrupt for the same reason, up to which each has a line of its own."""

NAMES = 60
"""Names, or spans of names, of folded steps that are told."""


def write_occurrences(page: Page, group: Occurrences) -> None:
    """Steps that destroy or disrupt: each by its full name, however many; only what repeats is told once."""
    if group.size <= APART:
        for targets in group.targets:
            for name in targets.labels:
                for host in targets.hosts:
                    write_title(page, group.role, f"{name}@{host}", group.reason)
        return
    write_title(page, group.role, f"{group.size:,} {_NOUNS.get(group.role, 'steps')}", group.reason)
    for targets in group.targets:
        page.add(("", words.targets_text(targets)), indent=DETAILS, hang=2)


_NOUNS: Mapping[Role, str] = {"delete": "to delete", "replace": "to replace", "refresh": "to refresh"}


def write_step(page: Page, step: StepOutline, *, is_shared: bool, is_verbose: bool) -> None:
    """The title, every change, and when verbose what it waits for and may do. is_shared: it is told for many hosts."""
    name = step.label if is_shared else step.address
    marks = escape.line(words.marks(step), 1000)
    write_title(page, step.role, name, step.reason, marks, is_starred=step.is_conditional and not step.is_deferred)
    if step.previous is not None and step.previous not in step.reason:
        page.add(("", f"from {escape.line(step.previous, 400)}"), indent=DETAILS)
    write_changes(page, step, DETAILS)
    if step.alike:
        _write_alike(page, step, is_shared=is_shared)
    for text in _details(step) if is_verbose else ():
        page.add(("faint", text), indent=DETAILS)


def write_title(page: Page, role: Role, name: str, reason: str, marks: str = "", *, is_starred: bool = False) -> None:
    """The one line that says it all: `  ~ service.web@edge: it drifted *  (disrupts)`."""
    sign, meaning = SIGNS[role]
    page.add(
        (meaning, f"{sign:>{WIDEST}} "),
        ("strong", escape.line(name, 400)),
        ("", f": {escape.line(reason, 1000)}" if reason else ""),
        ("faint", f" {LOOKED_AT_AGAIN}" if is_starred else ""),
        ("faint", f"  ({marks})" if marks else ""),
        indent=1,
        hang=DETAILS - 1,
    )


def _write_alike(page: Page, step: StepOutline, *, is_shared: bool) -> None:
    head, rest = words.alike_text(step, NAMES, is_shared=is_shared)
    pieces = (("strong", head), ("", f"{escape.line(rest, 20_000)} (--verbose shows each)"))
    page.add(*pieces, indent=DETAILS, hang=4)


def _details(step: StepOutline) -> Iterator[str]:
    if step.bounds:
        yield "may touch: " + _listed(step.bounds)
    if step.waits_for:
        yield "waits for: " + _listed(step.waits_for)
    if step.notifies:
        yield "notifies: " + _listed(step.notifies)
    yield from step.remarks


def _listed(names: Sequence[str]) -> str:
    return ", ".join(escape.line(name, 400) for name in names)
