"""Why a resource is there and what its values come from → text: each chain of references down to a line of a file."""

from __future__ import annotations

from collections.abc import Sequence

from aivp_contract import canonical

from aivp.diagnostics import Span
from aivp.explain.explanation import Cause, Explanation, FieldOrigin, Neighbour
from aivp.views import escape
from aivp.views.lay_out import lay_out_step
from aivp.views.name_spans import few
from aivp.views.page import Page, Piece
from aivp.views.plan_text import reading
from aivp.views.step_text import write_step
from aivp.views.value_text import value_text

VALUE = {False: 80, True: 2000}
"""Characters of a value, by verbosity."""

NAMES = {False: 12, True: 100_000}
"""Names of resources that wait for those that wait."""

_WAITS = {
    "reference": "takes its values",
    "depends": "comes after it, as `depends_on` says",
    "notify": "is refreshed",
    "host": "stands on it",
    "implied": "comes after it, as their kinds imply",
}
_NEEDED = {
    "reference": "gives it values",
    "depends": "comes before it, as `depends_on` says",
    "notify": "notifies it",
    "host": "is its host",
    "implied": "comes before it, as their kinds imply",
}


def render_explanation(item: Explanation, *, width: int, color: bool, verbose: bool) -> str:
    """The whole text, without a newline at its end."""
    page = Page(width, color=color)
    _write_head(page, item)
    if item.steps or item.takes_no_part or item.has_plan:
        _write_plan(page, item, verbose=verbose)
    if item.existence:
        page.blank()
        page.add(("strong", "Why it is there"))
        for one in item.existence:
            _write_field(page, one, verbose=verbose)
    if item.fields:
        page.blank()
        page.add(("strong", "Where its fields come from"))
        for one in sorted(item.fields, key=lambda one: one.name not in item.causing):
            _write_field(page, one, is_causing=one.name in item.causing, verbose=verbose)
    _write_needs(page, item.needs)
    if item.span is not None:
        _write_dependents(page, item.dependents, verbose=verbose)
    return page.text()


def _write_head(page: Page, item: Explanation) -> None:
    name = ("strong", escape.line(item.address, 400))
    if item.span is None:
        why = item.left_out or "nothing declares it any more"
        page.add(name, ("", f"  not declared: {escape.line(why, 1000)}"))
        return
    page.add(name, ("", f"  declared at {_place(item.span)}"))
    for span in item.includes:
        page.add(("", f"read because of the include at {_place(span)}"), indent=2)
    if item.when is not None:
        condition = escape.line(canonical.encode(item.when).decode(), 2000)
        page.add(("", f"facts decide: {condition}"), indent=2)


def _write_plan(page: Page, item: Explanation, *, verbose: bool) -> None:
    page.blank()
    page.add(("strong", "What the plan does with it"))
    if item.takes_no_part:
        page.add(("", f"nothing: {escape.line(item.takes_no_part, 1000)}"), indent=2)
    elif not item.steps:
        page.add(("good", "nothing: it is as declared" if item.span is not None else "nothing"), indent=2)
    for step in item.steps:
        write_step(page, lay_out_step(step, reading(page.width, verbose=verbose)), is_shared=False, is_verbose=verbose)
        if step.changes and all(change.cause == "drift" for change in step.changes):
            drifted = "The declaration did not change: what is there is not what was last applied."
            page.add(("faint", drifted), indent=8, hang=0)


def _write_field(page: Page, field: FieldOrigin, *, verbose: bool, is_causing: bool = False) -> None:
    pieces = [
        ("change", "~ " if is_causing else ""),
        ("", f"{escape.line(field.name, 200)}: {value_text(field.written, VALUE[verbose])}"),
        _at(field.origin, field.span),
    ]
    page.add(*pieces, indent=2 if is_causing else 4, hang=4)
    _write_causes(page, field.causes, 6, verbose=verbose)


def _write_causes(page: Page, causes: Sequence[Cause], indent: int, *, verbose: bool) -> None:
    for cause in causes:
        value = f" = {value_text(cause.value, VALUE[verbose])}" if cause.has_value else ""
        page.add(
            ("accent", "<- "),
            ("", f"{escape.line(cause.name, 400)}{value}"),
            _at(cause.origin, cause.span),
            indent=indent,
        )
        _write_causes(page, cause.causes, min(indent + 3, page.width // 2), verbose=verbose)


def _at(origin: str, span: Span | None) -> Piece:
    said = ", ".join(filter(None, (escape.line(origin, 400), _place(span) if span is not None else "")))
    return ("faint", f"  ({said})" if said else "")


def _place(span: Span) -> str:
    return escape.line(str(span), 400)


def _write_needs(page: Page, needs: Sequence[Neighbour]) -> None:
    if not needs:
        return
    page.blank()
    page.add(("strong", "What it needs"))
    for one in needs:
        ways = "; ".join(_NEEDED[name] for name in one.types)
        page.add(("", f"{escape.line(one.address, 400)} {ways}{_fields(one)}"), indent=4, hang=4)


def _write_dependents(page: Page, dependents: Sequence[Neighbour], *, verbose: bool) -> None:
    direct = [one for one in dependents if one.is_direct]
    later = [one.address for one in dependents if not one.is_direct]
    page.blank()
    page.add(("strong", "If it changed"))
    if not direct:
        page.add(("", "nothing else would: no resource waits for it"), indent=4)
    for one in direct:
        ways = "; ".join(_WAITS[name] for name in one.types)
        page.add(("", f"{escape.line(one.address, 400)} {ways}{_fields(one)}"), indent=4, hang=4)
    if later:
        shown, more = few(later, NAMES[verbose])
        rest = f", {more:,} more (--verbose lists them)" if more else ""
        waits = "waits" if len(later) == 1 else "wait"
        page.add(("faint", f"{len(later):,} more {waits} for these: {escape.line(shown, 100_000)}{rest}"), indent=4)


def _fields(one: Neighbour) -> str:
    return f": {', '.join(escape.line(name, 100) for name in one.fields)}" if one.fields else ""
