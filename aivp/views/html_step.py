"""One step of an outline → HTML: a line that says it all, and folded behind it what changes and why it waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aivp.plan.steps import Severity
from aivp.views.html_changes import changes_html
from aivp.views.markup import Attributes, Markup, join, raw, tag
from aivp.views.outline import StepOutline
from aivp.views.step_text import SIGNS

LINKS = 20
"""Other steps that one step names at most."""

SEVERE: Mapping[Severity, tuple[str, str]] = {"destroy": ("bad", "destroys"), "disrupt": ("change", "disrupts")}
"""How what is severe looks, and what is said of it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are in the page. steps: step id → its number; boxes: address → number of its box in the graph."""

    steps: Mapping[str, int]
    boxes: Mapping[str, int]


def step_html(step: StepOutline, places: Places, *, is_open: bool) -> Markup:
    """An element with the id `s12`; one that folds, where there is anything to unfold."""
    body = list(_body(step, places))
    outer: Attributes = {
        "class": f"step {step.severity}" if step.severity in SEVERE else "step",
        "id": f"s{places.steps[step.id]}",
        "data-role": step.role,
        "data-severity": step.severity,
        "data-box": str(places.boxes.get(step.address, "")),
    }
    if not body:
        return tag("div", outer, tag("div", {"class": "line", "tabindex": "-1"}, *_line(step)))
    return tag(
        "details",
        {**outer, "open": is_open},
        tag("summary", {"class": "line"}, *_line(step)),
        tag("div", {"class": "body"}, *body),
    )


def link(step: StepOutline, places: Places) -> Markup:
    """A way to the step, as its address."""
    return tag("a", {"href": f"#s{places.steps[step.id]}"}, tag("code", {}, step.address))


def sign_html(role: str) -> Markup:
    """What will happen, as a sign for the eye and a word for the ear; one element, since a page may have 10,000."""
    sign, meaning = SIGNS[role]
    return tag("span", {"class": f"sign {meaning}", "role": "img", "aria-label": role}, sign)


def name_html(label: str) -> Markup:
    """`file.motd`, its name standing out."""
    kind, dot, name = label.partition(".")
    return tag("code", {}, tag("span", {"class": "kind"}, f"{kind}{dot}"), name) if dot else tag("code", {}, kind)


def _line(step: StepOutline) -> Iterator[Markup]:
    yield sign_html(step.role)
    why = tag("span", {"class": "why"}, f" {step.reason}") if step.reason else raw("")
    yield tag("span", {"class": "what"}, name_html(step.label), why)
    if marks := list(_marks(step)):
        yield tag("span", {"class": "tags"}, marks)


def _marks(step: StepOutline) -> Iterator[Markup]:
    if step.severity in SEVERE:
        meaning, word = SEVERE[step.severity]
        yield tag("span", {"class": f"tag {meaning}"}, word)
    if step.cause in ("drift", "both"):
        yield tag("span", {"class": "tag accent"}, "drift" if step.cause == "drift" else "intent and drift")
    if step.is_deferred:
        yield tag("span", {"class": "tag"}, "deferred")
    elif step.is_conditional:
        yield tag("span", {"class": "tag"}, "looked at again")


def _body(step: StepOutline, places: Places) -> Iterator[Markup]:
    if step.previous is not None:
        yield tag("p", {}, "From ", tag("code", {}, step.previous))
    if step.changes:
        yield changes_html(step.changes)
    facts = list(_facts(step, places))
    if facts:
        yield tag("dl", {"class": "facts"}, facts)


def _facts(step: StepOutline, places: Places) -> Iterator[Markup]:
    if step.waits_for:
        yield _fact("Waits for", _named(step.waits_for, places))
    if step.notifies:
        yield _fact("Notifies", _named(step.notifies, places))
    if step.bounds:
        yield _fact("May touch", [tag("code", {}, name) for name in step.bounds])
    for remark in step.remarks:
        yield _fact("Note", [tag("span", {}, remark)])


def _fact(name: str, values: Sequence[Markup]) -> Markup:
    return tag("div", {}, tag("dt", {}, name), tag("dd", {}, join(values, ", ")))


def _named(names: Sequence[str], places: Places) -> list[Markup]:
    found = []
    for name in names[:LINKS]:
        number = places.steps.get(name, places.steps.get(f"refresh:{name}"))
        shown = tag("code", {}, name.partition(":")[2] if name in places.steps else name)
        found.append(shown if number is None else tag("a", {"href": f"#s{number}"}, shown))
    if len(names) > LINKS:
        found.append(tag("span", {}, f"{len(names) - LINKS:,} more"))
    return found
