"""What /etc/default/useradd and /etc/login.defs say where a declaration is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional


def home_base(etc: Path = Path("/etc")) -> str:
    """The folder that new home directories lie in."""
    return _settings(etc / "default/useradd", "=").get("HOME", "/home").rstrip("/")


def home_umask(etc: Path = Path("/etc")) -> str:
    """The umask, in octal, that gives a new home directory the mode that useradd would give it."""
    settings = _settings(etc / "login.defs", None)
    try:
        if "HOME_MODE" in settings:
            return f"{0o777 & ~int(settings['HOME_MODE'], 8):04o}"
        return f"{int(settings.get('UMASK', '022'), 8):04o}"
    except ValueError:
        return "0022"


def _settings(path: Path, separator: Optional[str]) -> Dict[str, str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(separator, 1) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
