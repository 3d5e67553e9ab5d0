"""/etc/passwd, /etc/group and /etc/shadow as tables, each read once. Knows no declaration and changes nothing.

The files, not the name service: what LDAP or SSSD adds cannot be changed here, and enumerating it can take minutes.
"""

from __future__ import annotations

import datetime
import grp
import pwd
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple, TypeVar

from aivp_sdk import Permanent

K = TypeVar("K")
EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Account:
    """A line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


@dataclass(frozen=True)
class Team:
    """A line of /etc/group."""

    name: str
    gid: int
    members: Tuple[str, ...]


@dataclass(frozen=True)
class Shadow:
    """A line of /etc/shadow; -1 is an empty number."""

    stored: str
    min_days: int
    max_days: int
    warn_days: int
    expires: str
    """As YYYY-MM-DD, or `never`."""

    @property
    def is_locked(self) -> bool:
        """True where a `!` in front keeps every password from matching."""
        return self.stored.startswith("!")

    @property
    def password(self) -> str:
        """The hash without the lock; empty where there is none."""
        return self.stored.lstrip("!")


NO_SHADOW = Shadow("!", -1, -1, -1, "never")


@dataclass(frozen=True)
class Database:
    """The local accounts of this host. `shadows` is None for those who may not read it."""

    users: Mapping[str, Account]
    teams: Mapping[str, Team]
    shadows: Optional[Mapping[str, Shadow]]

    @classmethod
    def read(cls, etc: Path = Path("/etc")) -> Database:
        """The files as they are now."""
        users = {
            row[0]: Account(row[0], int(row[2]), int(row[3]), *row[4:7]) for row in _rows(etc / "passwd", 7, (2, 3))
        }
        teams = {row[0]: Team(row[0], int(row[2]), tuple(_names(row[3]))) for row in _rows(etc / "group", 4, (2,))}
        try:
            shadows = {row[0]: _shadow(row) for row in _rows(etc / "shadow", 9, ())}
        except PermissionError:
            return cls(users, teams, None)
        return cls(users, teams, shadows)

    def shadow(self, name: str) -> Shadow:
        """What /etc/shadow says of a user. Raises Permanent where we may not know."""
        if self.shadows is None:
            raise Permanent("passwords and expiry can only be seen by root", mend="Let aivp become root on this host.")
        return self.shadows.get(name, NO_SHADOW)

    def memberships(self, user: str) -> List[str]:
        """The groups that list a user, sorted."""
        return self._memberships.get(user, [])

    def users_with(self, uid: Optional[int]) -> List[str]:
        """The names of the users who have this id, sorted."""
        return self._users_by_id.get(uid, [])

    def teams_with(self, gid: Optional[int]) -> List[str]:
        """The names of the groups that have this id, sorted."""
        return self._teams_by_id.get(gid, [])

    def team_name(self, gid: int, wanted: Optional[str] = None) -> str:
        """The name of a group, `wanted` if several share the id; the number where nobody knows a name."""
        names = self.teams_with(gid)
        if wanted is not None and wanted in names:
            return wanted
        return names[0] if names else _foreign_team_name(gid)

    def gid(self, name: str) -> Optional[int]:
        """The id of a group, whoever knows it; None for one that does not exist yet."""
        if name in self.teams:
            return self.teams[name].gid
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    @cached_property
    def _memberships(self) -> Dict[str, List[str]]:
        return _grouped((user, team.name) for team in self.teams.values() for user in team.members)

    @cached_property
    def _users_by_id(self) -> Dict[Optional[int], List[str]]:
        return _grouped((account.uid, account.name) for account in self.users.values())

    @cached_property
    def _teams_by_id(self) -> Dict[Optional[int], List[str]]:
        return _grouped((team.gid, team.name) for team in self.teams.values())


def refuse_foreign_user(name: str) -> None:
    """Raise Permanent for a user that is not in /etc/passwd but comes from elsewhere."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return
    raise _foreign("user", name, "/etc/passwd")


def refuse_foreign_team(name: str) -> None:
    """Raise Permanent for a group that is not in /etc/group but comes from elsewhere."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return
    raise _foreign("group", name, "/etc/group")


def _foreign(what: str, name: str, file: str) -> Permanent:
    return Permanent(
        f"the {what} {name} is not in {file}: it comes from the name service (LDAP, SSSD, systemd)",
        path="/name",
        mend="Manage it where it is kept, or choose another name for a local one.",
    )


def _foreign_team_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _grouped(pairs: Iterable[Tuple[K, str]]) -> Dict[K, List[str]]:
    """Key → its values once each, sorted."""
    found: Dict[K, Set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}


def _rows(path: Path, width: int, numbers: Tuple[int, ...]) -> Iterator[List[str]]:
    """The well-formed lines; others (a NIS `+`, a comment) are no local accounts."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        row = line.split(":")
        if len(row) == width and row[0] and all(row[index].isdecimal() for index in numbers):
            yield row


def _names(text: str) -> List[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _shadow(row: List[str]) -> Shadow:
    expires = _number(row[7])
    day = "never" if expires < 0 else (EPOCH + datetime.timedelta(days=min(expires, 2_000_000))).isoformat()
    return Shadow(row[1], _number(row[3]), _number(row[4]), _number(row[5]), day)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1
