"""A provider on trial: its files as hosts get them, in a folder of their own, and the conformance kit run on them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aivp import __version__
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.bundle import Bundle

KIT = "aivp_conformance"


def unpack(bundle: Bundle, folder: Path) -> None:
    """Write the files of a provider with its manifest into `folder`: a provider in itself, for AIVP_PROVIDERS."""
    for path, entry in bundle.entries.items():
        target, content = folder / path, bundle.contents[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        target.chmod(0o755 if entry["executable"] else 0o644)
    start = {platform: list(argv) for platform, argv in bundle.start.items()}
    manifest = json.dumps({**bundle.manifest, "start": start}, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "manifest.json").write_text(manifest + "\n", encoding="utf-8")


def examine(bundle: Bundle, cases: Path | None, options: Sequence[str]) -> int:
    """The kit's exit code for a provider unpacked as on a host. Raises Refused (AIVP0922) where there is no kit."""
    with tempfile.TemporaryDirectory(prefix="aivp-trial-") as place:
        unpack(bundle, Path(place))
        given = [] if cases is None else ["--cases", str(cases)]
        return run_kit([place, *given, *options])


def run_kit(argv: Sequence[str]) -> int:
    """Its exit code; what it says goes where ours goes. Raises Refused (AIVP0922)."""
    if importlib.util.find_spec(KIT) is None:
        raise refusal(
            "AIVP0922",
            "The conformance kit is not installed beside this aivp.",
            f"Install its wheel, which a release has: {_installer()} install ./{KIT}-{__version__}-py3-none-any.whl",
        )
    return subprocess.run([sys.executable, "-m", KIT, *argv], check=False).returncode


def _installer() -> str:
    return "uv pip" if shutil.which("uv") else "pip"
