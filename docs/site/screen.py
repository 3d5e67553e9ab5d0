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
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
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


def drawn(text: str, title: str, columns: int, *, name: str = "screen", is_dark: bool = True) -> str:
    """The SVG; the same text gives the same bytes. name: of its classes, so that two can stand in one page."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(text), soft_wrap=True)
    theme = SVG_EXPORT_THEME if is_dark else DEFAULT_TERMINAL_THEME
    svg = console.export_svg(title=title, theme=theme, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*|<!-- Generated.*?-->\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, 'DejaVu Sans Mono', Consolas, monospace")


def _read(descriptor: int) -> bytes:
    """The next bytes; none when nobody holds the other end any more, which Linux tells by an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
