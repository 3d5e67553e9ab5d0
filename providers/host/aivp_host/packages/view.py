"""Declarations and what the package manager knows of them → observations. Changes nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from aivp_sdk import Observation, Session

from .declaration import Package
from .managers import Available, Installed, PackageManager


class View(NamedTuple):
    """One package: what is wanted, what the database says, and the observation that follows."""

    desired: Package
    installed: Installed
    seen: Observation

    @property
    def is_reached(self) -> bool:
        """True where nothing is left to do."""
        if self.seen.observed is None or self.desired.is_absence:
            return self.seen.observed is None and self.desired.is_absence
        observed = self.seen.observed
        return all(observed.get(name) == value for name, value in (self.seen.normalised or {}).items())


def look(manager: PackageManager, wanted: Sequence[Package], session: Session) -> List[View]:
    """One look at the database for all, and one at the lists for those whose version depends on them."""
    installed = manager.installed([desired.name for desired in wanted], session)
    offered = lists(manager, [item for item in wanted if _needs_lists(item, installed[item.name])], session)
    return [
        View(item, installed[item.name], see(item, installed[item.name], offered.get(item.name))) for item in wanted
    ]


def lists(manager: PackageManager, wanted: Sequence[Package], session: Session) -> Dict[str, Available]:
    """What could be installed, asked once for each `default_release`."""
    names: Dict[Optional[str], List[str]] = {}
    for desired in wanted:
        names.setdefault(desired.default_release, []).append(desired.name)
    found: Dict[str, Available] = {}
    for release, group in names.items():
        found.update(manager.available(group, release, session))
    return found


def see(desired: Package, installed: Installed, available: Optional[Available]) -> Observation:
    """The managed fields as they are, and as they will be.

    `available` matters for `latest` and for a version pattern that is not met yet. What only steers the effect is no
    field of the package; `present` says no more than that it exists, so it is wanted only of what is broken.
    """
    wanted: Dict[str, Any] = {"name": desired.name}
    if desired.is_absence:
        return Observation(_presence(desired, installed), {**wanted, "state": desired.state})
    target = _target_version(desired, installed, available)
    if desired.version is not None:
        wanted["version"] = target
    if desired.hold is not None:
        wanted["hold"] = desired.hold
    if desired.state == "latest":
        wanted["state"] = "latest"
    if installed.condition in ("absent", "removed"):
        return Observation(None, wanted)
    if desired.state == "latest":
        wanted["version"] = target
    if installed.condition == "broken":
        wanted["state"] = desired.state
    observed: Dict[str, Any] = {"name": desired.name, "state": _state(desired, installed, target)}
    if "version" in wanted:
        observed["version"] = installed.version
    if "hold" in wanted:
        observed["hold"] = installed.is_held
    return Observation(observed, wanted)


def _target_version(desired: Package, installed: Installed, available: Optional[Available]) -> Optional[str]:
    """The version that will be there; None where it is not managed; the pattern itself where nothing matches it."""
    if desired.state == "latest":
        if _is_frozen(desired, installed):
            return installed.version
        return (available.candidate if available else None) or installed.version or None
    if desired.version is None or "*" not in desired.version:
        return desired.version
    if _matches(desired, installed):
        return installed.version
    offered = (available.candidate or "", *available.versions) if available else ()
    return next((version for version in offered if fnmatchcase(version, desired.version)), desired.version)


def _needs_lists(desired: Package, installed: Installed) -> bool:
    if desired.state == "latest":
        return True
    return "*" in (desired.version or "") and not _matches(desired, installed)


def _is_frozen(desired: Package, installed: Installed) -> bool:
    """True where a hold keeps `latest` from being taken: its own, or somebody else's that it does not override."""
    is_there = installed.condition in ("installed", "broken")
    return is_there and installed.is_held and desired.hold is not False and not desired.allow_change_held


def _matches(desired: Package, installed: Installed) -> bool:
    return installed.condition in ("installed", "broken") and fnmatchcase(installed.version, desired.version or "*")


def _presence(desired: Package, installed: Installed) -> Optional[Dict[str, Any]]:
    """For a declared absence: what is still there of the package, None if nothing that matters."""
    states = {"installed": "present", "broken": "broken"}
    if desired.state == "purged":
        states["removed"] = "absent"
    state = states.get(installed.condition)
    return None if state is None else {"name": desired.name, "state": state}


def _state(desired: Package, installed: Installed, target: Optional[str]) -> str:
    if installed.condition == "broken":
        return "broken"
    return "latest" if desired.state == "latest" and installed.version == target else "present"
