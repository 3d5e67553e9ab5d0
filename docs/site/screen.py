"""What a terminal shows → an SVG that needs no network: rich draws it, the fonts that it would fetch are left out."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

_CLEARED = "\x1b[J"
"""What is before it was there for a moment only, as progress is."""


def on_a_terminal(command: Sequence[str], folder: Path, environ: Mapping[str, str], columns: int) -> str:
    """What a command leaves on a terminal, with colours. Raises CalledProcessError where it fails."""
    ours, theirs = pty.openpty()
    environ = {**environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as run:
        os.close(theirs)
        data = bytearray()
        while part := _read(ours):
            data += part
        os.close(ours)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command, bytes(data))
    return data.decode().replace("\r", "").rpartition(_CLEARED)[2].strip("\n")


def drawn(text: str, title: str, columns: int) -> str:
    """The SVG; the same text gives the same bytes."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text))
    svg = console.export_svg(title=title, unique_id="screen")
    svg = re.sub(r"@font-face \{.*?\}\s*|<!-- Generated.*?-->\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "ui-monospace, monospace")


def _read(descriptor: int) -> bytes:
    """The next bytes; none when nobody holds the other end any more, which Linux tells by an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
