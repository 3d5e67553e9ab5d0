"""The pictures that documents show, made from the same plans and graphs as the tests: `python -m docs.pictures`.

SVG is text, and tests/docs/test_pictures.py holds each file to what is drawn today. What a browser paints differs from
machine to machine, so the PNG files are only made anew by the command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aivp.model.resource import IR
from aivp.views.graph_fold import folded
from aivp.views.graph_picture import picture_of
from aivp.views.graph_svg import graph_svg
from aivp.views.plan_text import render_plan
from docs.site.screen import drawn
from tests.browser import pages
from tests.views import graphs

FOLDER = Path(__file__).parent
SIZES = (3, 60, 2000)
COLUMNS = (80, 160)
MOST_BYTES = 150_000


def drawings() -> Iterator[tuple[str, str]]:
    """Name and text of every SVG."""
    for size in pages.GRAPHS:
        ir, plan = pages.graph(size)
        yield f"graph-{size}.svg", graph_svg(folded(picture_of(ir, plan)))
    yield "graph.svg", graph_svg(picture_of(_example()))
    yield "graph-60-unmarked.svg", graph_svg(picture_of(graphs.fleet(3, 6)))
    for size in SIZES:
        for width in COLUMNS:
            yield f"terminal-{size}-{width}.svg", _terminal(size, width, is_dark=True)
    yield "terminal-60-80-light.svg", _terminal(60, 80, is_dark=False)


def _example() -> IR:
    """The web server of examples/02: its graph stands in the README."""
    from aivp.config.variables import Assignment, VariableInputs
    from aivp.engine import Engine

    variables = VariableInputs({}, [Assignment("channel", '["stable"]')])
    return Engine(FOLDER.parents[1] / "examples/02-web-server", None, variables).ir


def _terminal(size: int, width: int, *, is_dark: bool) -> str:
    """A plan as a terminal of `width` columns shows it."""
    text = render_plan(pages.plan(size), width=width, color=True, verbose=False, digest=pages.DIGEST)
    return drawn(text, "aivp plan", width, name=f"terminal-{size}-{width}", is_dark=is_dark) + "\n"
