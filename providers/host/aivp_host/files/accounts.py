"""Users and groups by name and number, each looked up once per request."""

from __future__ import annotations

import grp
import pwd
from typing import Callable, Dict, Optional, Tuple

from aivp_sdk import Permanent

MAX_ID = 2**32 - 2


class Accounts:
    """The host's users and groups. An account that does not exist yet is no error until it is needed."""

    def __init__(self) -> None:
        self.numbers: Dict[Tuple[str, str], Optional[int]] = {}
        self.names: Dict[Tuple[str, int], str] = {}

    def shown(self, field: str, number: int, wanted: Optional[str]) -> str:
        """How `number` shows where the declaration says `wanted`: in its words if both mean the same account."""
        if wanted is not None and self._number(field, wanted) == number:
            return wanted
        key = (field, number)
        if key not in self.names:
            self.names[key] = _name(field, number)
        return self.names[key]

    def number(self, field: str, wanted: Optional[str]) -> int:
        """The id of a user (`field` is owner) or group; -1 for None. Raises Permanent if there is no such account."""
        if wanted is None:
            return -1
        found = self._number(field, wanted)
        if found is None:
            what = "user" if field == "owner" else "group"
            mend = f"Declare {what}.{wanted}, which then comes first by itself, or name a {what} that is there."
            raise Permanent(f"there is no {what} {wanted} on this host", path=f"/{field}", mend=mend)
        if found > MAX_ID:
            raise Permanent(
                f"{wanted} is beyond the largest id, {MAX_ID}", path=f"/{field}", mend="Name an account, or its id."
            )
        return found

    def _number(self, field: str, wanted: str) -> Optional[int]:
        key = (field, wanted)
        if key not in self.numbers:
            self.numbers[key] = int(wanted) if wanted.isdecimal() else _lookup(_NUMBERS[field], wanted)
        return self.numbers[key]


_NUMBERS: Dict[str, Callable[[str], int]] = {
    "owner": lambda name: pwd.getpwnam(name).pw_uid,
    "group": lambda name: grp.getgrnam(name).gr_gid,
}
_NAMES: Dict[str, Callable[[int], str]] = {
    "owner": lambda number: pwd.getpwuid(number).pw_name,
    "group": lambda number: grp.getgrgid(number).gr_name,
}


def _lookup(look: Callable[[str], int], name: str) -> Optional[int]:
    try:
        return look(name)
    except KeyError:
        return None


def _name(field: str, number: int) -> str:
    try:
        return _NAMES[field](number)
    except KeyError:
        return str(number)
