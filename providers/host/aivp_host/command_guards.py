"""Guards: what a declaration says about when its command has nothing to do → what each guard found.

Planning asks them, too: they change nothing.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from aivp_sdk import Permanent, Session, Temporary

if TYPE_CHECKING:
    from .command import Command

SECONDS = 60
"""What a guard gets where the declaration has no `timeout`."""


@dataclass(frozen=True)
class Finding:
    """One guard's answer: `is_met` where it says that there is nothing to do; `said` is for people."""

    field: str
    is_met: bool
    said: str


def ask(desired: Command, session: Session) -> List[Finding]:
    """Ask every guard. Empty for a command without one."""
    return [*_paths(desired), *_programs(desired, session)]


def shell_argv(text: str) -> List[str]:
    """A shell script as arguments."""
    return ["/bin/sh", "-c", text]


def surroundings(desired: Command) -> Dict[str, Any]:
    """Where and as whom the command runs, and its guards do."""
    return {
        "cwd": desired.cwd,
        "env": desired.env,
        "user": desired.user,
        "group": desired.group,
        "umask": None if desired.umask is None else int(desired.umask, 8),
    }


def _paths(desired: Command) -> Iterator[Finding]:
    if desired.creates is not None:
        is_there = os.path.exists(desired.creates)
        yield Finding("creates", is_there, f"{desired.creates} {'exists' if is_there else 'does not exist'}")
    if desired.removes is not None:
        is_there = os.path.lexists(desired.removes)
        yield Finding("removes", not is_there, f"{desired.removes} {'exists' if is_there else 'does not exist'}")


def _programs(desired: Command, session: Session) -> Iterator[Finding]:
    for field, done_at_zero in (("unless", True), ("only_if", False)):
        guard = getattr(desired, field)
        if guard is None:
            continue
        argv = _argv(field, guard)
        obstacle = _obstacle(desired)
        if obstacle is not None:
            # What it stands on is yet to come; the command cannot run before that either.
            yield Finding(field, False, f"{field} cannot be asked yet: {obstacle}")
            continue
        code = _code(desired, field, argv, session)
        yield Finding(field, (code == 0) is done_at_zero, f"{field} ({shlex.join(argv)[:60]}) exited with {code}")


def _argv(field: str, guard: Any) -> List[str]:
    if type(guard) is list and guard:
        return [str(part) for part in guard]
    if type(guard) is dict and set(guard) == {"shell"}:
        return shell_argv(guard["shell"])
    raise Permanent(f"{field} is a command", path=f"/{field}", mend="Write a list of arguments, or {shell: text}.")


def _code(desired: Command, field: str, argv: List[str], session: Session) -> int:
    try:
        return session.probe(argv, timeout=desired.timeout or SECONDS, **surroundings(desired)).code
    except Temporary as error:
        raise Temporary(f"the guard {field}: {error.message}", path=f"/{field}") from None


def _obstacle(desired: Command) -> Optional[str]:
    """What the guard, and the command, needs and does not find."""
    if desired.cwd is not None and not os.path.isdir(desired.cwd):
        return f"{desired.cwd} is no directory"
    try:
        if desired.user is not None:
            pwd.getpwnam(desired.user)
        if desired.group is not None:
            grp.getgrnam(desired.group)
    except KeyError as error:
        return str(error.args[0])
    return None
