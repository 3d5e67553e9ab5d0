"""Parts that pages share: what JavaScript makes work (hidden without it), the graph in its scrolling place, counts."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.views.markup import Markup, tag

Choice = tuple[str, str]
"""Value and what is said of it."""

PLAN_KEYS = (
    ("/", "search"),
    ("Escape", "show all again"),
    ("j", "next step"),
    ("k", "step before"),
    ("u", "unfold all"),
    ("f", "fold all"),
    ("g", "show or hide the graph"),
)


def toolbar(noun: str, choices: Sequence[tuple[str, str, Sequence[Choice]]], keys: Sequence[Choice]) -> Markup:
    """Search, a list for each of `choices` (id, label, values), and what was found. The script takes `hidden` away."""
    search = tag(
        "label",
        {"class": "search"},
        tag("span", {}, "Search"),
        tag("input", {"type": "search", "id": "search", "autocomplete": "off"}),
    )
    lists = [_list(name, label, values) for name, label, values in choices if len(values) > 1]
    buttons = [_button("unfold", "Unfold all"), _button("fold", "Fold all"), _button("reset", "Show all")]
    known = [tag("div", {}, tag("dt", {}, tag("kbd", {}, key)), tag("dd", {}, said)) for key, said in keys]
    help_ = tag("details", {"class": "keys"}, tag("summary", {}, "Keys"), tag("dl", {}, known))
    status = tag("p", {"id": "found", "role": "status", "data-noun": noun})
    row = tag("div", {"class": "row"}, search, *lists, tag("span", {"class": "buttons"}, buttons), help_)
    return tag("form", {"class": "tools", "role": "search", "hidden": True}, row, status)


def graph_place(drawing: Markup, said: str) -> Markup:
    """A graph that scrolls by itself; without JavaScript, too, it may be fitted to its place."""
    fit = tag("label", {"class": "fit"}, tag("input", {"type": "checkbox", "id": "fit"}), " Fit to width")
    place = tag("div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": said}, drawing)
    head = tag("summary", {}, tag("h2", {}, "Graph"))
    return tag("details", {"class": "graph-place", "id": "graph", "open": True}, head, fit, place)


def count(number: int, noun: str) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def chips(items: Sequence[tuple[str, Markup]]) -> Markup:
    """Short facts in a row: (meaning, content)."""
    return tag("ul", {"class": "chips"}, [tag("li", {"class": meaning or None}, content) for meaning, content in items])


def noscript(text: str) -> Markup:
    """What is missing without JavaScript, told where there is none."""
    return tag("noscript", {}, tag("p", {"class": "faint"}, text))


def _list(name: str, label: str, values: Sequence[Choice]) -> Markup:
    every = tag("option", {"value": ""}, "all")
    options = [tag("option", {"value": value}, said) for value, said in values]
    return tag("label", {}, tag("span", {}, label), tag("select", {"id": name}, every, options))


def _button(name: str, label: str) -> Markup:
    return tag("button", {"type": "button", "id": name}, label)
