"""Situations of images on hosts, with a real server and a real store. One function a code, as in `situations`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from tests.diagnostics.stage import Stage
from tests.providers.image.download.server import Shop, serving

HEAD = "aivp: v1\nproject: shop\nhosts: {web: {transport: local}}\nvalues:\n  images:\n"
DATA = b"a small disk " * 1000


def damaged(stage: Stage, bad: bool) -> None:
    """Fetched, then a byte of it changed."""
    digest = hashlib.sha256(DATA).hexdigest()
    with serving(Shop(DATA)) as url:
        entry = f"    small: {{url: '{url}', sha256: '{digest}'}}\n"
        stage.put({"aivp.yaml": HEAD + entry})
        stage.aivp("image", "catalogue", "pull")
    if bad:
        path = next((stage.root / "host").rglob(f"sha256-{digest}"))
        path.chmod(0o600)
        path.write_bytes(b"b" + DATA[1:])
    stage.aivp("image", "catalogue", "verify")


SITUATIONS: Mapping[str, Callable[[Stage, bool], None]] = {"AIVP0673": damaged}
