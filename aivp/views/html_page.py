"""Title, content, styles and scripts → one HTML file that needs nothing else and may reach nothing else.

Its content security policy names the digests of our own style and script: whatever a value managed to put into the
page, a browser would neither run nor fetch it. Values stand in text and attributes only, through `markup`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from aivp.views.assets import asset
from aivp.views.markup import Markup, raw, tag

GENERATOR = "aivp"


def document(title: str, content: Sequence[Markup], styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The whole file. `styles` and `scripts` are names of assets."""
    style = "".join(asset(name) for name in styles)
    script = "".join(asset(name) for name in scripts)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        {},
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"http-equiv": "Content-Security-Policy", "content": raw(policy)}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "color-scheme", "content": "light dark"}),
        tag("meta", {"name": "referrer", "content": "no-referrer"}),
        tag("meta", {"name": "generator", "content": GENERATOR}),
        tag("title", {}, title),
        tag("style", {}, raw(style)),
    )
    body = tag("body", {}, *content, tag("script", {}, raw(script)))
    return f"<!doctype html>\n{tag('html', {'lang': 'en'}, head, body)}\n"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
