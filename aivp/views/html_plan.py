"""The outline of a plan → one HTML page: what destroys first, then every host with its steps, the graph beside them.

Everything is there without JavaScript, folded by the browser's own `details`; plan.js adds filters, search and keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from aivp.plan.steps import SEVERITIES, Plan, Severity
from aivp.views import plan_words
from aivp.views.alike import placeless
from aivp.views.graph_fold import folded
from aivp.views.graph_picture import picture_of_plan
from aivp.views.graph_svg import said, svg
from aivp.views.html_page import document
from aivp.views.html_step import SEVERE, Places, link, sign_html, step_html
from aivp.views.html_tools import PLAN_KEYS, chips, count, graph_place, noscript, toolbar
from aivp.views.lay_out import lay_out
from aivp.views.markup import Markup, join, tag
from aivp.views.outline import HostOutline, Outline, Reading, Role, RolloutOutline, StepOutline
from aivp.views.step_text import SIGNS

MOST_BYTES = 9_500_000
"""A page stays below that: readings that show less of long texts are tried until it does."""

READINGS = tuple(
    Reading(room=90, lines=lines, characters=characters, is_whole=True)
    for lines, characters in ((2000, 20_000), (200, 2000), (40, 400), (10, 120))
)

FEW = 30
"""Steps that are all unfolded when the page opens; of more, only those that destroy."""

LINKS = 12
"""Severe steps of one kind that are named at once; the rest is folded, never left out."""

MARKS = {"*": "looked at again", "deferred": "deferred"}
"""What stands beside a step for a word of the legend."""


def plan_html(plan: Plan, digest: str | None = None) -> str:
    """The whole file. `digest`: of the plan's file, where the caller has it."""
    picture = folded(picture_of_plan(plan))
    boxes = {address: number for number, box in enumerate(picture.boxes) for address in box.members}
    places = Places({step.id: number for number, step in enumerate(plan.steps, 1)}, boxes)
    graph = [graph_place(svg(picture), said(picture))] if plan.steps else []
    page = ""
    for reading in READINGS:
        page = _page(lay_out(plan, reading, digest), places, graph)
        if len(page) <= MOST_BYTES and len(page.encode()) <= MOST_BYTES:
            break
    return page


def _page(plan: Outline, places: Places, graph: Sequence[Markup]) -> str:
    title = f"Plan for {plan.project}/{plan.environment}"
    top = tag("header", {}, tag("h1", {}, title), *_refusal(plan), _counts(plan), *_digest(plan))
    hosts = [_host(host, places, is_small=plan.size <= FEW) for host in plan.hosts]
    steps = tag("section", {"class": "steps", "aria-label": "Steps by host"}, *hosts)
    content = [
        *_severe(plan, places),
        *([_tools(plan)] if plan.size else [_nothing(plan)]),
        tag("div", {"class": "beside" if graph else None}, *([steps] if hosts else []), *graph),
        *_rest(plan),
    ]
    body = [tag("a", {"class": "skip", "href": "#main"}, "To the steps"), top, tag("main", {"id": "main"}, *content)]
    return document(title, body, ("theme.css", "page.css", "graph.css"), ("page.js",))


def _refusal(plan: Outline) -> Iterator[Markup]:
    if not plan.is_applicable:
        said = tag("strong", {}, "This plan cannot be applied.")
        yield tag("div", {"class": "refusal"}, said, tag("p", {}, plan_words.REFUSAL))


def _counts(plan: Outline) -> Markup:
    severe = {name: f"{plan.severities[name]:,} {SEVERE[name][1]}" for name in SEVERE if name in plan.severities}
    items = [(SEVERE[name][0], tag("strong", {}, words)) for name, words in severe.items()]
    items += [("", join((sign_html(name), words) if name else (words,))) for name, words in plan_words.roles(plan)]
    return chips(items)


def _digest(plan: Outline) -> Iterator[Markup]:
    if plan.digest is not None:
        yield tag("p", {"class": "digest"}, "Digest ", tag("code", {}, plan.digest))


def _nothing(plan: Outline) -> Markup:
    more = f" {plan_words.nothing_to_do(plan)}" if plan.unchanged or not plan.blocked else ""
    return tag("p", {"class": "nothing"}, f"No changes.{more}")


def _severe(plan: Outline, places: Places) -> Iterator[Markup]:
    """Every step that destroys or disrupts, as a way there; only where there is anything else to look through."""
    replaced = {step.address for step in _steps(plan) if step.role == "replace"}
    steps = [s for s in _steps(plan) if s.severity in SEVERE and (s.role != "delete" or s.address not in replaced)]
    if not steps or plan.size <= len(steps) <= LINKS:
        return
    steps.sort(key=lambda step: SEVERITIES.index(step.severity))  # stable: of one severity, in their order
    groups: dict[tuple[Severity, Role, str], list[StepOutline]] = {}
    for step in steps:
        groups.setdefault((step.severity, step.role, placeless(step.reason, step.host)), []).append(step)
    items = [_severe_group(*key, group, places) for key, group in groups.items()]
    heading = tag("h2", {"id": "severe"}, "What destroys or disrupts")
    yield tag("section", {"class": "severe", "aria-labelledby": "severe"}, heading, tag("ul", {}, items))


def _severe_group(severity: Severity, role: Role, reason: str, steps: Sequence[StepOutline], places: Places) -> Markup:
    meaning, word = SEVERE[severity]
    links = [link(step, places) for step in steps]
    shown = join(links[:LINKS], ", ")
    rest = []
    if more := links[LINKS:]:
        rest.append(tag("details", {}, tag("summary", {}, f"{len(more):,} more"), tag("p", {}, join(more, ", "))))
    head = [tag("span", {"class": f"tag {meaning}"}, word), sign_html(role), tag("span", {"class": "why"}, reason)]
    return tag("li", {}, tag("div", {}, *head), tag("div", {"class": "where"}, shown, *rest))


def _steps(plan: Outline) -> Iterator[StepOutline]:
    return (step for host in plan.hosts for step in host.steps)


def _tools(plan: Outline) -> Markup:
    hosts = [(name, f"{name} ({host.size:,})") for host in plan.hosts for name in host.names]
    roles = [(name, f"{SIGNS[name][0]} {words}") for name, words in plan_words.roles(plan) if name]
    severities = [(name, f"{name} ({number:,})") for name, number in plan.severities.items()]
    choices = (("host", "Host", hosts), ("role", "Action", roles), ("severity", "Severity", severities))
    without = noscript("Filters, search and keys need JavaScript; everything else is here.")
    return join((toolbar("step", choices, PLAN_KEYS), without))


def _host(host: HostOutline, places: Places, *, is_small: bool) -> Markup:
    name = ", ".join(host.names)
    parts: list[Markup] = []
    for is_check, group in groupby(host.steps, key=lambda step: step.role == "check"):
        steps = list(group)
        items = [step_html(step, places, is_open=is_small or step.severity == "destroy") for step in steps]
        parts += [_checks(items)] if is_check and len(items) > 1 else items
    heading = tag("h2", {}, tag("code", {}, name), tag("span", {"class": "faint"}, f" {plan_words.host_facts(host)}"))
    return tag("details", {"class": "host", "open": True, "data-host": name}, tag("summary", {}, heading), *parts)


def _checks(items: Sequence[Markup]) -> Markup:
    sign = sign_html("check")
    said = f"{count(len(items), 'resource')} as declared, to check again after earlier steps"
    return tag(
        "details",
        {"class": "checks"},
        tag("summary", {"class": "line"}, sign, tag("span", {"class": "faint"}, said)),
        *items,
    )


def _rest(plan: Outline) -> Iterator[Markup]:
    if plan.rollouts:
        yield _section("Rollouts", [_rounds(rollout) for rollout in plan.rollouts])
    for title, reasons in (("Blocked", plan.blocked), ("Left out", plan.left_out)):
        if reasons:
            rows = [
                tag("li", {}, tag("code", {}, address), tag("span", {"class": "why"}, f" {why}"))
                for address, why in reasons.items()
            ]
            yield _section(title, [tag("ul", {"class": "reasons"}, rows)])
    if plan.providers:
        started = [
            tag("li", {}, tag("code", {}, name), " is started with ", ", ".join(f"{k} {v}" for k, v in how.items()))
            for name, how in plan.providers.items()
        ]
        yield _section("Providers", [tag("ul", {}, started)])
    used = {"deferred" if step.is_deferred else "*" for step in _steps(plan) if step.is_deferred or step.is_conditional}
    if marks := [(word, said) for word, said in plan_words.LEGEND.items() if word in used]:
        rows = [tag("div", {}, tag("dt", {}, MARKS[word]), tag("dd", {}, f"{said}.")) for word, said in marks]
        yield _section("What the marks mean", [tag("dl", {"class": "facts marks"}, rows)])
    if plan.notes:
        yield _section("Notes", [tag("ul", {}, [tag("li", {}, note) for note in plan.notes])])


def _section(title: str, content: Sequence[Markup]) -> Markup:
    return tag("section", {"class": "rest-of-plan"}, tag("h2", {}, title), *content)


def _rounds(rollout: RolloutOutline) -> Markup:
    said = tag("p", {}, tag("code", {}, rollout.group), f" {plan_words.rollout_text(rollout)}.")
    return join((said, tag("ol", {}, [tag("li", {}, ", ".join(names)) for names in rollout.rounds])))
