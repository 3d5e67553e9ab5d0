"""Writes `manifest.json` beside this module: `python -m aivp_host.manifest_json`. A test holds the file to the code."""

from __future__ import annotations

from pathlib import Path

from aivp_sdk import manifest

from .provider import PROVIDER


def text() -> str:
    """The manifest as it is shipped."""
    return manifest.text(PROVIDER)


if __name__ == "__main__":
    Path(__file__).with_name("manifest.json").write_text(text())
