"""An account as it is, and a declaration → the calls that make one the other.

Everything is compared with the files once more, so that another attempt, after one that got half-way, does the rest.
"""

from __future__ import annotations

import os
from typing import List, Optional

from aivp_sdk import Change, Permanent, Session

from aivp_host.files.folders import Folders

from . import authorized_keys, defaults
from .database import Account, Database
from .declaration import ON_CREATE, User
from .tools import run

KEEP_ROOT = "Remove state: absent; to let go of what was declared, use removed or lifecycle.retain."


def bring_about(change: Change[User], session: Session) -> None:
    """Create the account, or change what differs."""
    desired = change.desired
    database = Database.read()
    _require_teams(desired, database)
    is_new = desired.name not in database.users
    if is_new:
        _create(desired, database, session)
        database = Database.read()
    _set_password(desired, is_new, database, session)
    _modify(desired, Database.read(), session)
    _set_aging(desired, database, session)
    _leave_teams(change, database, session)
    account = Database.read().users[desired.name]
    _make_home(desired, account, session)
    _set_keys(change, account)


def remove(desired: User, session: Session) -> None:
    """Remove the account, its home directory only if that was declared."""
    database = Database.read()
    account = database.users.get(desired.name)
    if account is None:
        return
    if account.uid == 0:
        raise Permanent(f"{account.name} is root; it is never removed", path="/name", mend=KEEP_ROOT)
    run(session, ["userdel", *(["-r"] if desired.remove_home else []), "--", account.name])
    # userdel takes the group of the same name along. A declared one may be a resource of its own: it stays.
    team = database.teams.get(desired.group or "")
    if team is not None and team.name not in Database.read().teams:
        run(session, ["groupadd", "-g", str(team.gid), "--", team.name])


def _require_teams(desired: User, database: Database) -> None:
    for field, names in (("group", [desired.group] if desired.group else []), ("groups", desired.groups or [])):
        missing = [name for name in names if database.gid(name) is None]
        if missing:
            raise Permanent(
                f"there is no group {', '.join(missing)} on this host",
                path=f"/{field}",
                mend=f"Declare it: group.{missing[0]}.",
            )


def _create(desired: User, database: Database, session: Session) -> None:
    argv = ["useradd"]
    if desired.system:
        argv.append("-r")
    if desired.uid is not None:
        argv += ["-u", str(desired.uid), *(["-o"] if desired.non_unique else [])]
    group = desired.group or (desired.name if desired.name in database.teams else None)
    if group is not None:
        argv += ["-g", group]
    if desired.create_home:
        argv += ["-m", *(["-k", desired.skeleton] if desired.skeleton else [])]
    else:
        argv.append("-M")
    for flag, value in (("-d", desired.home), ("-s", desired.shell), ("-c", desired.comment), ("-e", _day(desired))):
        if value is not None:
            argv += [flag, value]
    if desired.groups:
        argv += ["-G", ",".join(desired.groups)]
    run(session, [*argv, "--", desired.name])


def _modify(desired: User, database: Database, session: Session) -> None:
    """One usermod for all that differs."""
    account, shadow_argv = database.users[desired.name], _shadow_arguments(desired, database)
    argv: List[str] = []
    if desired.uid is not None and desired.uid != account.uid:
        argv += ["-u", str(desired.uid), *(["-o"] if desired.non_unique else [])]
    if desired.group is not None and database.gid(desired.group) != account.gid:
        argv += ["-g", desired.group]
    if desired.home is not None and desired.home != account.home:
        argv += ["-d", desired.home, *(["-m"] if desired.move_home else [])]
    if desired.shell is not None and desired.shell != (account.shell or "/bin/sh"):
        argv += ["-s", desired.shell]
    if desired.comment is not None and desired.comment != account.comment:
        argv += ["-c", desired.comment]
    joining = sorted(set(desired.groups or ()) - set(database.memberships(desired.name)))
    if joining:
        argv += ["-a", "-G", ",".join(joining)]
    argv += shadow_argv
    if argv:
        run(session, ["usermod", *argv, "--", desired.name])


def _shadow_arguments(desired: User, database: Database) -> List[str]:
    if desired.expires is None and desired.locked is None:
        return []
    shadow, argv = database.shadow(desired.name), []
    if desired.expires is not None and desired.expires != shadow.expires:
        argv += ["-e", _day(desired) or ""]
    if desired.locked is not None and desired.locked != shadow.is_locked:
        argv.append("-L" if desired.locked else "-U")
    return argv


def _set_password(desired: User, is_new: bool, database: Database, session: Session) -> None:
    """The hash goes through a pipe; a lock that nobody declared otherwise stays with it, without a moment open."""
    if desired.password is None or (desired.update_password == ON_CREATE and not is_new):
        return
    shadow = database.shadow(desired.name)
    if shadow.password == desired.password:
        return
    is_locked = desired.locked if desired.locked is not None else shadow.is_locked and shadow.password != ""
    stored = ("!" if is_locked else "") + desired.password
    run(session, ["chpasswd", "-e"], stdin=f"{desired.name}:{stored}\n", path="/password")


def _set_aging(desired: User, database: Database, session: Session) -> None:
    wanted = (desired.password_min_days, desired.password_max_days, desired.password_warn_days)
    if wanted == (None, None, None):
        return
    shadow = database.shadow(desired.name)
    argv: List[str] = []
    for flag, value, now in zip(("-m", "-M", "-W"), wanted, (shadow.min_days, shadow.max_days, shadow.warn_days)):
        if value is not None and value != now:
            argv += [flag, str(value)]
    if argv:
        run(session, ["chage", *argv, "--", desired.name])


def _leave_teams(change: Change[User], database: Database, session: Session) -> None:
    desired = change.desired
    joined = set(database.memberships(desired.name))
    leaving = joined & set(change.removed("groups"))
    if desired.membership == "exclusive" and desired.groups is not None:
        leaving = joined - set(desired.groups)
    for name in sorted(leaving):
        run(session, ["gpasswd", "-d", desired.name, name], path="/groups")


def _make_home(desired: User, account: Account, session: Session) -> None:
    if not desired.create_home or os.path.isdir(account.home):
        return
    if os.path.lexists(account.home):
        mend = "Declare another home, or the path as a file with state: absent."
        raise Permanent(f"{account.home} exists and is not a directory", path="/home", mend=mend)
    argv = ["mkhomedir_helper", account.name, defaults.home_umask(), desired.skeleton or "/etc/skel"]
    run(session, argv, path="/create_home")


def _set_keys(change: Change[User], account: Account) -> None:
    desired = change.desired
    if desired.authorized_keys is None:
        return
    prior = (change.prior or {}).get("authorized_keys")
    keys = authorized_keys.declared(desired.authorized_keys)
    with Folders() as folders:
        lines = authorized_keys.read(folders, account.home, account.uid) or []
        removed = set(change.removed("authorized_keys"))
        if desired.keys_membership == "exclusive":
            removed = set(authorized_keys.shown(lines, keys, prior)) - {key.text for key in keys}
        merged = authorized_keys.merge(lines, keys, removed, prior)
        if merged != lines:
            authorized_keys.write(folders, account.home, account.uid, account.gid, merged)


def _day(desired: User) -> Optional[str]:
    return "" if desired.expires == "never" else desired.expires
