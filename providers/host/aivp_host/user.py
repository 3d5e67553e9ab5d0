"""`user`: local accounts, their groups, home, password and keys."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from aivp_sdk import (
    Change,
    Done,
    Item,
    Json,
    Kind,
    Listed,
    Observation,
    Permanent,
    ProviderError,
    Seen,
    Session,
    Unknown,
    Verdict,
)

from .accounts import authorized_keys, changing, defaults
from .accounts.database import Account, Database, refuse_foreign_user
from .accounts.declaration import ON_CREATE, User, Within, check, is_name
from .accounts.tools import needs
from .files.folders import Folders

OPTIONS = frozenset({"non_unique", "system", "skeleton", "move_home", "remove_home", "update_password"})
"""They steer the effect and are no fields of the account."""
SHADOW = frozenset(
    {"password", "locked", "expires", "password_min_days", "password_max_days", "password_warn_days"},
)


class UserKind(Kind[User]):
    """A local user account."""

    name = "user"
    schema = User
    identity = ("name",)
    identity_from_name = True
    phase = "identity"
    disturbs = ("command", "file", "group", "user")
    within = Within
    provides = ({"capability": "user", "field": "name"},)
    requires = ({"capability": "group", "field": "group"}, {"capability": "group", "field": "groups"})
    rules = (
        {
            "when": {"state": ["absent"]},
            "forbidden": sorted(
                {*User.__dataclass_fields__} - {"name", "state", "remove_home", "id", "group_id", "home_directory"}
            ),
        },
        {"when": {"membership": ["exclusive"]}, "required": ["groups"]},
        {"when": {"keys_membership": ["exclusive"]}, "required": ["authorized_keys"]},
        {"when": {"update_password": ["on_create"]}, "required": ["password"]},
        {"when": {"non_unique": [True]}, "required": ["uid"]},
        {"when": {"move_home": [True]}, "required": ["home"]},
    )
    needs = needs("useradd", "usermod", "userdel", "gpasswd", "chpasswd")

    def observe_many(self, items: Sequence[Item[User]], session: Session) -> List[Seen]:
        """One look at the files for all of them."""
        database = Database.read()
        batch = {item.desired.name: item.desired for item in items}
        found: List[Seen] = []
        with Folders() as folders:
            for item in items:
                try:
                    found.append(_observe(item, database, batch, folders))
                except ProviderError as error:
                    found.append(error)
        return found

    def apply(self, change: Change[User], session: Session) -> Done:
        """Create, change or remove the account; what is right already is left alone."""
        desired = change.desired
        if change.action == "delete" or desired.state == "absent":
            changing.remove(desired, session)
            return Done()
        changing.bring_about(change, session)
        database = Database.read()
        account = database.users[desired.name]
        return Done({"id": account.uid, "group_id": account.gid, "home_directory": account.home})

    def list(self, within: Within, session: Session) -> Iterable[Listed]:
        """The local accounts, by default those whose ids are not the system's. Of passwords nothing."""
        database, (first, last) = Database.read(), defaults.own_ids("UID")
        for _, account in sorted(database.users.items()):
            if is_name(account.name) and (within.all or first <= account.uid <= last):
                yield Listed(_declaration(account, database))


def _declaration(account: Account, database: Database) -> Dict[str, Json]:
    """An account as people would declare it; what no declaration could say is left out."""
    found: Dict[str, Json] = {"name": account.name, "uid": account.uid}
    if len(database.users_with(account.uid)) > 1:
        found["non_unique"] = True
    if is_name(database.team_name(account.gid)):
        found["group"] = database.team_name(account.gid)
    groups = database.memberships(account.name)
    if groups and all(is_name(name) for name in groups):
        found["groups"] = list(groups)
    found.update((name, path) for name, path in (("home", account.home), ("shell", account.shell)) if _is_normal(path))
    if account.comment:
        found["comment"] = account.comment
    if database.shadows is not None and database.shadow(account.name).expires != "never":
        found["expires"] = database.shadow(account.name).expires
    return found


def _is_normal(path: str) -> bool:
    """True for a path that is the same once its declaration was read."""
    return path.startswith("/") and path == "/" + os.path.normpath(path).lstrip("/")


def _observe(item: Item[User], database: Database, batch: Mapping[str, User], folders: Folders) -> Observation:
    desired = item.desired
    account = database.users.get(desired.name)
    if account is None:
        refuse_foreign_user(desired.name)
    if desired.state == "absent":
        return _observe_absence(item, account)
    check(desired)
    _check_id(desired, database, batch)
    _check_lock(desired, account, database)
    wanted = _wanted(item)
    if account is None:
        return Observation(None, wanted, computed=_prediction(desired, None, database))
    observed = _account_fields(desired, account, database)
    if SHADOW.intersection(item.declared):
        observed.update(_shadow_fields(desired, database))
    if desired.authorized_keys is not None:
        observed["authorized_keys"] = _keys(item, wanted["authorized_keys"], account, folders)
    observed = {name: value for name, value in observed.items() if name in wanted or name in _PLAIN}
    return Observation(observed, wanted, computed=_prediction(desired, account, database))


_PLAIN = ("name", "state", "uid", "group", "home", "shell", "comment")


def _observe_absence(item: Item[User], account: Optional[Account]) -> Observation:
    wanted = {name: getattr(item.desired, name) for name in ("name", "state") if name in item.declared}
    if account is None:
        return Observation(None, wanted)
    if account.uid == 0:
        raise Permanent(f"{account.name} is root; it is never removed", path="/state", mend=changing.KEEP_ROOT)
    return Observation({"name": account.name, "state": "present"}, wanted)


def _wanted(item: Item[User]) -> Dict[str, Json]:
    desired = item.desired
    wanted = {name: getattr(desired, name) for name in item.declared if name not in OPTIONS}
    if desired.authorized_keys is not None:
        keys = authorized_keys.declared(desired.authorized_keys, is_secret="authorized_keys" in item.hidden)
        wanted["authorized_keys"] = sorted(key.text for key in keys)
    return wanted


def _account_fields(desired: User, account: Account, database: Database) -> Dict[str, Json]:
    home = desired.home or account.home
    return {
        "name": account.name,
        "state": "present",
        "uid": account.uid,
        "group": database.team_name(account.gid, desired.group),
        "groups": database.memberships(account.name),
        "membership": desired.membership,
        "keys_membership": desired.keys_membership,
        "home": account.home,
        "create_home": bool(desired.create_home) and os.path.isdir(home),
        "shell": account.shell or "/bin/sh",
        "comment": account.comment,
    }


def _shadow_fields(desired: User, database: Database) -> Dict[str, Json]:
    shadow = database.shadow(desired.name)
    is_left_alone = desired.update_password == ON_CREATE
    return {
        "password": desired.password if is_left_alone else shadow.password,
        "locked": shadow.is_locked,
        "expires": shadow.expires,
        "password_min_days": shadow.min_days,
        "password_max_days": shadow.max_days,
        "password_warn_days": shadow.warn_days,
    }


def _keys(item: Item[User], wanted: List[str], account: Account, folders: Folders) -> Json:
    keys = authorized_keys.declared(wanted)
    lines = authorized_keys.read(folders, item.desired.home or account.home, account.uid)
    there = authorized_keys.shown(lines or [], keys, (item.prior or {}).get("authorized_keys"))
    if "authorized_keys" not in item.hidden | item.tainted:
        return there
    # Keys that came from a secret are compared here, as a whole.
    missing, others = set(wanted) - set(there), set(there) - set(wanted)
    return Verdict(not missing and not (others and item.desired.keys_membership == "exclusive"))


def _check_id(desired: User, database: Database, batch: Mapping[str, User]) -> None:
    """A taken id is an error now, unless its owners are declared, too, and about to give it up."""
    others = database.users_with(desired.uid)
    if desired.name in others or desired.non_unique or all(_gives_up(batch.get(name), desired.uid) for name in others):
        return
    raise Permanent(
        f"the uid {desired.uid} belongs to {', '.join(others)}",
        path="/uid",
        mend="Choose another uid, or set non_unique: true. If its owner is to give it up before: depends_on.",
    )


def _gives_up(other: Optional[User], uid: Optional[int]) -> bool:
    return other is not None and (other.state == "absent" or other.uid not in (None, uid))


def _check_lock(desired: User, account: Optional[Account], database: Database) -> None:
    if desired.locked is not False or desired.password is not None:
        return
    if account is None or database.shadow(account.name).stored in ("!", "!!"):
        raise Permanent(
            "there is no password that could be unlocked",
            path="/locked",
            mend='Declare the hash of one, or password: "*" for an account that is open to keys only.',
        )


def _prediction(desired: User, account: Optional[Account], database: Database) -> Dict[str, Any]:
    uid: Json = desired.uid if account is None else account.uid
    gid: Json = None if account is None else account.gid
    if desired.group is not None:
        gid = database.gid(desired.group)
    elif account is None:
        gid = database.gid(desired.name)
    home = account.home if account is not None else f"{defaults.home_base()}/{desired.name}"
    return {
        "id": desired.uid if desired.uid is not None else Unknown() if uid is None else uid,
        "group_id": Unknown() if gid is None else gid,
        "home_directory": desired.home or home,
    }
