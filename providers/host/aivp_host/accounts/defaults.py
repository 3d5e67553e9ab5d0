"""What /etc/default/useradd and /etc/login.defs say where a declaration is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional, Tuple


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


def own_ids(prefix: str, etc: Path = Path("/etc")) -> Tuple[int, int]:
    """The first and the last id (`prefix` is UID or GID) that is not the system's."""
    settings = _settings(etc / "login.defs", None)
    found = [settings.get(f"{prefix}_{end}", "") for end in ("MIN", "MAX")]
    return int(found[0]) if found[0].isdecimal() else 1000, int(found[1]) if found[1].isdecimal() else 60_000


def _settings(path: Path, separator: Optional[str]) -> Dict[str, str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(separator, 1) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
