"""`package_index`: the lists of a host's package manager, kept no older than declared. A step of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Optional

from aivp_sdk import Change, Done, Item, Kind, Observation, Permanent, Session, attribute

from .packages.managers import PackageManager, package_manager


@dataclass
class PackageIndex:
    """The declaration."""

    manager: Literal["apt", "dnf"] = attribute("The package manager.", required=True)
    max_age: Optional[int] = attribute(
        "The lists are refreshed where they are older than this; without it, once, when this is first applied."
        " They are also refreshed where there are none, or where a package source was changed after them.",
        semantic="duration",
        examples=["1d"],
    )
    lock_timeout: int = attribute(
        "How long to wait for another program that is refreshing them.", default=120, semantic="duration"
    )


class PackageIndexKind(Kind[PackageIndex]):
    """The package manager's lists of what can be installed, refreshed when they are too old."""

    name = "package_index"
    schema = PackageIndex
    identity = ("manager",)
    identity_from_name = True
    existence = "recorded"
    phase = "repository"
    disturbs = ("package",)
    refreshable = True
    deletable = False
    shared = True
    needs = (
        {"command": "apt-get", "when": {"manager": ["apt"]}, "why": "to refresh its lists"},
        {"command": "dnf", "when": {"manager": ["dnf"]}, "why": "to refresh its lists"},
        {"privilege": "root", "why": "to refresh the lists of packages"},
    )

    def observe(self, item: Item[PackageIndex], session: Session) -> Observation:
        """Old lists ask for a refresh; with `max_age`, young ones need none even if the declaration is new."""
        desired = item.desired
        age = _manager(desired).index_age(time.time())
        stale = age is None or (desired.max_age is not None and age > desired.max_age)
        values = {"manager": desired.manager}
        satisfied = False if stale else (True if desired.max_age is not None else None)
        return Observation(observed=values, normalised=values, satisfied=satisfied)

    def apply(self, change: Change[PackageIndex], session: Session) -> Optional[Done]:
        """Refresh; there is nothing to undo when the declaration goes."""
        if change.action != "delete":
            _manager(change.desired).refresh_index(change.desired.lock_timeout, session)
        return Done(absorbs_refresh=True)


def _manager(desired: PackageIndex) -> PackageManager:
    manager = package_manager()
    if manager.name != desired.manager:
        mend = f"Write manager: {manager.name}."
        raise Permanent(f"this host's package manager is {manager.name}", path="/manager", mend=mend)
    return manager
