"""useradd, usermod, chpasswd and their kin: one call each, and what their refusals mean."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from aivp_sdk import Completed, Json, Permanent, Session, Temporary

_PACKAGE = {"apt": "passwd", "dnf": "shadow-utils", "apk": "shadow"}


def needs(*commands: str) -> Tuple[Dict[str, Json], ...]:
    """What a host must have for a kind that calls these, as a manifest says it."""
    why = "to change accounts"
    programs = [{"command": name, "package": dict(_PACKAGE), "why": why} for name in commands]
    return (*programs, {"privilege": "root", "why": why})


def run(session: Session, argv: List[str], *, stdin: Optional[str] = None, path: Optional[str] = None) -> Completed:
    """One effect that must succeed. `path` is the attribute to blame.

    Raises Temporary where somebody else is changing accounts right now, else Permanent with what the tool said. Who is
    not root cannot lock the files either, and waiting would not help.
    """
    done = session.effect(argv, stdin=stdin)
    if done.ok:
        return done
    said = " ".join(line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip())
    if "Permission denied" in said:
        raise Permanent(said, path=path, mend="Accounts are root's to change: let aivp become root on this host.")
    if "cannot lock" in said:
        raise Temporary(f"{said}: another program is changing accounts", delay=3)
    if "currently used by process" in said:
        raise Permanent(said, path=path, mend="End the user's processes, for example with loginctl terminate-user.")
    why = f"{argv[0]} ended with exit code {done.code}: {said or 'it said nothing'}"
    raise Permanent(why, path=path, mend=f"Mend what it names; man {argv[0]} explains the code.")
