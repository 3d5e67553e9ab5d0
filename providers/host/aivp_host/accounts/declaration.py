"""What `user` and `group` may declare, and which values of it no host could ever take."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import List, Literal, Optional

from aivp_sdk import Permanent, attribute

NAME = r"^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$"
MAX_ID = 2**32 - 2
DAYS = 99_999
ON_CREATE = "on_create"


@dataclass
class User:
    """The declaration of a user."""

    name: str = attribute("The login name.", required=True, pattern=NAME, exposed=True)
    state: Literal["present", "absent"] = attribute("Whether there is such a user.", default="present")
    uid: Optional[int] = attribute("The user id; else the next free one.", minimum=0, maximum=MAX_ID)
    non_unique: bool = attribute("Another user may have the same `uid`.", default=False)
    group: Optional[str] = attribute("The primary group; else one of the same name.", pattern=NAME, exposed=True)
    groups: Optional[List[str]] = attribute(
        "Further groups.", exposed=True, set=True, owned=True, exclusive_when={"membership": "exclusive"}
    )
    membership: Literal["minimum", "exclusive"] = attribute(
        "minimum: of other groups nothing is said. exclusive: of other groups the user is no member.", default="minimum"
    )
    system: bool = attribute("A new user is a system one: an id below 1000, no aging of its password.", default=False)
    home: Optional[str] = attribute(
        "The home directory's path; a new user gets Debian's default.", semantic="path", exposed=True
    )
    create_home: Optional[bool] = attribute("Whether the home directory is made where it is missing.")
    skeleton: Optional[str] = attribute(
        "What a new home directory starts with; else /etc/skel.", semantic="path", exposed=True
    )
    move_home: bool = attribute("A change of `home` moves what is in it.", default=False)
    remove_home: bool = attribute("Whether the home directory goes with the user.", default=False)
    shell: Optional[str] = attribute("The login shell.", semantic="path", exposed=True)
    comment: Optional[str] = attribute(
        "The full name and more, as in /etc/passwd.", pattern=r"^[^:\n\r]*$", exposed=True
    )
    password: Optional[str] = attribute("The hash of the password, or * for none.", sensitive=True)
    update_password: Literal["always", "on_create"] = attribute(
        "on_create: the password of a user who exists already is left alone.", default="always"
    )
    locked: Optional[bool] = attribute("Whether the password is locked; keys still let in.")
    expires: Optional[str] = attribute(
        "The last day of the account, or never.", pattern=r"^(never|[0-9]{4}-[0-9]{2}-[0-9]{2})$", exposed=True
    )
    password_min_days: Optional[int] = attribute("Days before a change; -1 for none.", minimum=-1, maximum=DAYS)
    password_max_days: Optional[int] = attribute("Days until a change; -1 for none.", minimum=-1, maximum=DAYS)
    password_warn_days: Optional[int] = attribute("Days of warning; -1 for none.", minimum=-1, maximum=DAYS)
    authorized_keys: Optional[List[str]] = attribute(
        "Public keys that let in, each a line of ~/.ssh/authorized_keys.",
        set=True,
        owned=True,
        exclusive_when={"keys_membership": "exclusive"},
    )
    keys_membership: Literal["minimum", "exclusive"] = attribute(
        "minimum: other keys stay. exclusive: other keys are removed.", default="minimum"
    )
    id: Optional[int] = attribute("The user id in effect.", computed=True)
    group_id: Optional[int] = attribute("The primary group's id in effect.", computed=True)
    home_directory: Optional[str] = attribute("The home directory in effect.", computed=True)


@dataclass
class Group:
    """The declaration of a group."""

    name: str = attribute("The group's name.", required=True, pattern=NAME, exposed=True)
    state: Literal["present", "absent"] = attribute("Whether there is such a group.", default="present")
    gid: Optional[int] = attribute("The group id; else the next free one.", minimum=0, maximum=MAX_ID)
    non_unique: bool = attribute("Another group may have the same `gid`.", default=False)
    system: bool = attribute("A new group is a system one: an id below 1000.", default=False)
    members: Optional[List[str]] = attribute(
        "Users who are members beside those whose primary group it is.",
        exposed=True,
        set=True,
        owned=True,
        exclusive_when={"membership": "exclusive"},
    )
    membership: Literal["minimum", "exclusive"] = attribute(
        "minimum: of other users nothing is said. exclusive: other users are no members.", default="minimum"
    )
    id: Optional[int] = attribute("The group id in effect.", computed=True)


@dataclass
class Within:
    """Which accounts to list."""

    all: bool = attribute("Also those of the system, with ids outside of UID_MIN to UID_MAX.", default=False)


def check(desired: User) -> None:
    """Raise Permanent for what the schema cannot refuse."""
    if desired.password is not None and not is_hash(desired.password):
        raise Permanent(
            "this is not the hash of a password",
            path="/password",
            mend="Make one with `mkpasswd -m yescrypt` or `openssl passwd -6`; * stands for no password.",
        )
    if desired.expires is not None and desired.expires != "never":
        try:
            datetime.date.fromisoformat(desired.expires)
        except ValueError:
            raise Permanent(
                f"{desired.expires} is no day of the calendar", path="/expires", mend="Write YYYY-MM-DD, or never."
            ) from None
    for name in desired.groups or ():
        if not re.match(NAME, name):
            mend = "Names have letters, digits, . _ and -, and do not start with a digit or -."
            raise Permanent(f"{name!r} cannot be the name of a group", path="/groups", mend=mend)


def is_name(text: str) -> bool:
    """True for what can be declared as the name of a user or group."""
    return re.match(NAME, text) is not None


def is_hash(text: str) -> bool:
    """True for `*` and for what crypt(3) makes, but for DES: a password of 13 letters would look the same."""
    return text == "*" or any(re.fullmatch(form, text) for form in _HASHES)


_B64 = r"[./0-9A-Za-z]"
_HASHES = (
    rf"\$1\$[^$:\s]{{0,8}}\${_B64}{{22}}",
    rf"\$2[abxy]\$[0-9]{{2}}\${_B64}{{53}}",
    rf"\$5\$(rounds=[0-9]+\$)?[^$:\s]{{0,16}}\${_B64}{{43}}",
    rf"\$6\$(rounds=[0-9]+\$)?[^$:\s]{{0,16}}\${_B64}{{86}}",
    rf"\$7\${_B64}{{11,97}}\${_B64}{{43}}",
    rf"\$g?y\${_B64}+\${_B64}*\${_B64}{{43}}",
)
