"""The pictures that documents show, made from the same plans and graphs as the tests: `python -m docs.pictures`.

SVG is text, and tests/docs/test_pictures.py holds each file to what is drawn today. What a browser paints differs from
machine to machine, so the PNG files are only made anew by the command.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from aivp.model.resource import IR
from aivp.views.graph_fold import folded
from aivp.views.graph_picture import picture_of
from aivp.views.graph_svg import graph_svg
from aivp.views.plan_text import render_plan
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
    """A plan as a terminal of `width` columns shows it; with the fonts that a reader has, from no network."""
    from rich.console import CONSOLE_SVG_FORMAT, Console  # type: ignore[attr-defined]
    from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
    from rich.text import Text

    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True, color_system="standard")
    text = render_plan(pages.plan(size), width=width, color=True, verbose=False, digest=pages.DIGEST)
    console.print(Text.from_ansi(text), soft_wrap=True)
    theme = SVG_EXPORT_THEME if is_dark else DEFAULT_TERMINAL_THEME
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", "ui-monospace, Menlo, 'DejaVu Sans Mono', Consolas, monospace")
    name = f"terminal-{size}-{width}"
    return console.export_svg(title="aivp plan", theme=theme, code_format=form, unique_id=name) + "\n"
