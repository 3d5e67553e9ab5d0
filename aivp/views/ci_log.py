"""Lines for the log of a CI system: stamped with the time of day, folded where it can fold, never a command to it.

The sole place of escaping for this sink. What comes is escaped for terminals already; GitHub also obeys plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)
"""GitHub's runner takes a line for a command that begins so."""

_OLD_COMMAND = re.compile(r"##\[")
"""The older form of one, which counts anywhere in a line."""


@dataclass(frozen=True, slots=True)
class CiLog:
    """system: github, gitlab, or empty for any other, which has no folds."""

    system: str = ""

    def safe(self, text: str) -> str:
        """The same text, obeyed by nobody: colons and hashes that would be a command are shown as escapes."""
        if self.system != "github":
            return text
        return _OLD_COMMAND.sub("#\\\\x23[", _COMMAND.sub("\\1\\\\x3a:", text))

    def stamped(self, text: str, time: str) -> str:
        """One line behind the time of day, which is given as ISO 8601."""
        return self.safe(f"{time[11:19]}Z {text}")

    def begin(self, title: str, seconds: int) -> str:
        """The line that begins a fold, empty where there are none. seconds: since 1970."""
        match self.system:
            case "github":
                return f"::group::{title}"
            case "gitlab":
                return f"\x1b[0Ksection_start:{seconds}:aivp_run\r\x1b[0K{title}"
            case _:
                return ""

    def end(self, seconds: int) -> str:
        """The line that ends it."""
        match self.system:
            case "github":
                return "::endgroup::"
            case "gitlab":
                return f"\x1b[0Ksection_end:{seconds}:aivp_run\r\x1b[0K"
            case _:
                return ""


def ci_log(environ: Mapping[str, str]) -> CiLog | None:
    """The system that these variables tell of; None where they tell of none."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return CiLog("github")
    if environ.get("GITLAB_CI") == "true":
        return CiLog("gitlab")
    return CiLog() if environ.get("CI", "").lower() in ("true", "1", "yes") else None
