"""Sphinx's settings: the repository's Markdown, as it stands, becomes pages that need no network.

The source folder is the repository, so that links mean the same here and in a git forge. An index page (`index.md`, a
folder's `README.md`) is the table of contents of the pages that it links to: nothing says that a second time.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.site import links  # noqa: E402 (found beneath the folder that was just named)

project = "aivp"
copyright = "the authors of aivp, under the Apache License 2.0"  # noqa: A001 (Sphinx's word)
extensions = ["myst_parser"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}
include_patterns = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "changelog.d/README.md",
    "docs/**",
    "examples/**",
]
exclude_patterns = ["docs/site", "**/node_modules", "**/.*"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # blocks of no language that Pygments knows are plain text

myst_heading_anchors = 4

html_theme = "furo"
html_title = "aivp"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "github-dark"

_START = """<!doctype html>
<meta charset="utf-8">
<title>aivp</title>
<meta http-equiv="refresh" content="0; url=docs/index.html">
<a href="docs/index.html">The documents of aivp</a>
"""


def setup(app: Sphinx) -> None:
    """Prepare each page before it is parsed, and give the site its front door."""
    app.connect("source-read", _prepare)
    app.connect("build-finished", _open)


def _prepare(app: Sphinx, name: str, content: list[str]) -> None:
    page = ROOT / f"{name}.md"
    content[0] = links.for_pages(content[0], page, ROOT)
    if page.name in ("index.md", "README.md") and page.parent != ROOT:
        is_root = name == root_doc
        for title, names in links.contents(content[0], page, ROOT):
            below = [other for other in names if is_root or Path(other).is_relative_to(Path(name).parent)]
            caption = f":caption: {title}\n" if is_root and title else ""
            if below:
                listed = "".join(f"/{other}\n" for other in below)
                content[0] += f"\n\n```{{toctree}}\n:hidden:\n{caption}\n{listed}```\n"


def _open(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        (Path(app.outdir) / "index.html").write_text(_START, encoding="utf-8")
