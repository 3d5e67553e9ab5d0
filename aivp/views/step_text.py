"""One step of a plan → lines: sign, address, reason, what marks it, its changes. What signs mean stands here alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp.plan.steps import Step
from aivp.views import escape
from aivp.views.change_text import write_changes
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


def role(step: Step) -> str:
    """What a step comes to for its reader: an update that removes deletes, a creation in place of another replaces."""
    match step.action, step.severity:
        case "update", "destroy":
            return "delete"
        case "create", "destroy":
            return "replace"
        case "no-op", _:
            return "check" if step.is_conditional else "no-op"
        case _:
            return step.action


def write_title(page: Page, step: Step, *, with_marks: bool) -> None:
    """The one line that says it all: `  ~ service.web@edge: it drifted *  (disrupts)`."""
    sign, meaning = SIGNS[role(step)]
    marks = "; ".join(_marks(step)) if with_marks else ""
    is_starred = with_marks and step.is_conditional and not step.is_deferred
    page.add(
        (meaning, f"{sign:>{WIDEST}} "),
        ("strong", escape.line(step.address, 400)),
        ("", f": {escape.line(step.reason, 1000)}" if step.reason else ""),
        ("faint", f" {LOOKED_AT_AGAIN}" if is_starred else ""),
        ("faint", f"  ({marks})" if marks else ""),
        indent=1,
        hang=DETAILS - 1,
    )


def write_step(page: Page, step: Step, *, is_verbose: bool) -> None:
    """The title, every change, and when verbose what it waits for and may do."""
    write_title(page, step, with_marks=True)
    if step.previous is not None and step.previous not in step.reason:
        page.add(("", f"from {escape.line(step.previous, 400)}"), indent=DETAILS)
    write_changes(page, step, DETAILS, is_verbose=is_verbose)
    for text in _details(step) if is_verbose else ():
        page.add(("faint", text), indent=DETAILS)


def _marks(step: Step) -> Iterator[str]:
    """What neither sign nor reason says."""
    if step.severity == "disrupt":
        yield "disrupts"
    if step.is_deferred:
        yield "deferred"


def _details(step: Step) -> Iterator[str]:
    if step.is_conditional and step.bounds:
        yield "may touch: " + _listed(step.bounds)
    if step.waits_for:
        yield "waits for: " + _listed(step.waits_for)
    if step.notifies:
        yield "notifies: " + _listed(step.notifies)
    if step.provenance == "adopted" and step.action != "adopt":
        yield "was there before; never deleted unasked"
    if step.lifecycle.prevent_destroy:
        yield "lifecycle: prevent_destroy"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(escape.line(name, 400) for name in names)
