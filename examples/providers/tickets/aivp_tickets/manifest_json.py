"""Writes `manifest.json` beside this module: `python -m aivp_tickets.manifest_json`."""

from __future__ import annotations

import json
from pathlib import Path

from .provider import PROVIDER


def text() -> str:
    """The manifest as it is shipped."""
    return json.dumps(PROVIDER.manifest(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("manifest.json").write_text(text())
