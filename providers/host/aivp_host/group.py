"""`group`: local groups and their members."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Sequence

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
)

from .accounts import defaults
from .accounts.database import Database, Team, refuse_foreign_team
from .accounts.declaration import Group, Within, is_name
from .accounts.tools import needs, run

OPTIONS = frozenset({"non_unique", "system"})
"""They steer the effect and are no fields of the group."""


class GroupKind(Kind[Group]):
    """A local group."""

    name = "group"
    schema = Group
    identity = ("name",)
    identity_from_name = True
    phase = "identity"
    disturbs = ("command", "file", "group", "user")  # files: a number gets a name
    within = Within
    provides = ({"capability": "group", "field": "name"},)
    requires = ({"capability": "user", "field": "members"},)
    rules = (
        {
            "when": {"state": ["absent"]},
            "forbidden": ["gid", "members", "membership", "non_unique", "system"],
        },
        {"when": {"membership": ["exclusive"]}, "required": ["members"]},
        {"when": {"non_unique": [True]}, "required": ["gid"]},
    )
    needs = needs("groupadd", "groupmod", "groupdel", "gpasswd")

    def observe_many(self, items: Sequence[Item[Group]], session: Session) -> List[Seen]:
        """One look at the file for all of them."""
        database = Database.read()
        batch = {item.desired.name: item.desired for item in items}
        found: List[Seen] = []
        for item in items:
            try:
                found.append(_observe(item, database, batch))
            except ProviderError as error:
                found.append(error)
        return found

    def apply(self, change: Change[Group], session: Session) -> Done:
        """Create, change or remove the group; what is right already is left alone."""
        desired = change.desired
        if change.action == "delete" or desired.state == "absent":
            if desired.name in Database.read().teams:
                run(session, ["groupdel", "--", desired.name])
            return Done()
        _make(desired, Database.read().teams.get(desired.name), session)
        _set_members(change, Database.read(), session)
        return Done({"id": Database.read().teams[desired.name].gid})

    def list(self, within: Within, session: Session) -> Iterable[Listed]:
        """The local groups, by default those whose ids are not the system's. Who is in one is said by `groups` of the
        users: said on both sides, each would need the other to be there first.
        """
        database, (first, last) = Database.read(), defaults.own_ids("GID")
        for _, team in sorted(database.teams.items()):
            if not is_name(team.name) or not (within.all or first <= team.gid <= last):
                continue
            attributes: Dict[str, Json] = {"name": team.name, "gid": team.gid}
            if len(database.teams_with(team.gid)) > 1:
                attributes["non_unique"] = True
            who = ", ".join(sorted(set(team.members)))
            yield Listed(attributes, note=f"Its members are left to the groups of each user: {who}." if who else "")


def _observe(item: Item[Group], database: Database, batch: Mapping[str, Group]) -> Observation:
    desired = item.desired
    team = database.teams.get(desired.name)
    if team is None:
        refuse_foreign_team(desired.name)
    wanted = {name: getattr(desired, name) for name in item.declared if name not in OPTIONS}
    if desired.state == "absent":
        return Observation(None if team is None else {"name": team.name, "state": "present"}, wanted)
    _check_id(desired, database, batch)
    computed: Dict[str, Json] = {"id": desired.gid}
    if desired.gid is None:
        computed["id"] = Unknown() if team is None else team.gid
    if team is None:
        return Observation(None, wanted, computed=computed)
    observed: Dict[str, Json] = {
        "name": team.name,
        "state": "present",
        "gid": team.gid,
        "members": sorted(set(team.members)),
    }
    if "membership" in wanted:
        observed["membership"] = desired.membership
    return Observation(observed, wanted, computed=computed)


def _check_id(desired: Group, database: Database, batch: Mapping[str, Group]) -> None:
    """A taken id is an error now, unless its owners are declared, too, and about to give it up."""
    others = database.teams_with(desired.gid)
    if desired.name in others or desired.non_unique or all(_gives_up(batch.get(name), desired.gid) for name in others):
        return
    raise Permanent(
        f"the gid {desired.gid} belongs to {', '.join(others)}",
        path="/gid",
        mend="Choose another gid, or set non_unique: true. If its owner is to give it up before: depends_on.",
    )


def _gives_up(other: Optional[Group], gid: Optional[int]) -> bool:
    return other is not None and (other.state == "absent" or other.gid not in (None, gid))


def _make(desired: Group, team: Optional[Team], session: Session) -> None:
    gid = [] if desired.gid is None else ["-g", str(desired.gid), *(["-o"] if desired.non_unique else [])]
    if team is None:
        run(session, ["groupadd", *(["-r"] if desired.system else []), *gid, "--", desired.name])
    elif desired.gid is not None and desired.gid != team.gid:
        run(session, ["groupmod", *gid, "--", desired.name], path="/gid")


def _set_members(change: Change[Group], database: Database, session: Session) -> None:
    desired = change.desired
    if desired.members is None:
        return
    members = set(database.teams[desired.name].members)
    leaving = members & set(change.removed("members"))
    if desired.membership == "exclusive":
        leaving = members - set(desired.members)
    for name in sorted(set(desired.members) - members):
        run(session, ["gpasswd", "-a", name, desired.name], path="/members")
    for name in sorted(leaving):
        run(session, ["gpasswd", "-d", name, desired.name], path="/members")
