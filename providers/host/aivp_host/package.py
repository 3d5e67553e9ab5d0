"""`package`: a package of the host's package manager."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence

from aivp_sdk import Change, Item, Json, Kind, Listed, ProviderError, Result, Seen, Session

from .packages.declaration import Package, Within
from .packages.managers import package_manager
from .packages.transaction import apply_changes, refuse_what_would_fail
from .packages.view import look


class PackageKind(Kind[Package]):
    """A package of the host's package manager: apt or dnf."""

    name = "package"
    schema = Package
    identity = ("name",)
    identity_from_name = True
    phase = "package"
    disturbs = ("*",)
    batch = True
    transaction = True
    shared = True
    within = Within
    rules = (
        {"when": {"state": ["absent", "purged"]}, "forbidden": ["version", "hold", "default_release", "purge"]},
        {"when": {"state": ["latest"]}, "forbidden": ["version"]},
    )
    needs = (
        {"command": ["apt-get", "dnf"], "why": "to install packages"},
        {"privilege": "root", "why": "to install packages"},
    )

    def observe_many(self, items: Sequence[Item[Package]], session: Session) -> List[Seen]:
        """One look for all of them."""
        manager = package_manager()
        found: Dict[int, Seen] = {}
        for place, item in enumerate(items):
            try:
                manager.refuse(item.desired)
            except ProviderError as error:
                found[place] = error
        served = [place for place in range(len(items)) if place not in found]
        for place, view in zip(served, look(manager, [items[place].desired for place in served], session)):
            try:
                if _asks_anew(items[place]):
                    refuse_what_would_fail(manager, view, session)
                found[place] = view.seen
            except ProviderError as error:
                found[place] = error
        return [found[place] for place in range(len(items))]

    def apply_many(self, changes: Sequence[Change[Package]], session: Session) -> List[Result]:
        """One transaction for all of them."""
        return apply_changes(package_manager(), changes, session)

    def list(self, within: Within, session: Session) -> Iterable[Listed]:
        """What was installed on purpose, or everything; of what did not come to its end, nothing."""
        for name, installed in package_manager().every(within.all, session).items():
            attributes: Dict[str, Json] = {"name": name}
            if within.versions:
                attributes["version"] = installed.version
            if installed.is_held:
                attributes["hold"] = True
            yield Listed(attributes)


def _asks_anew(item: Item[Package]) -> bool:
    """True where the declaration has changed. The apply refuses drift: this look may be one before a delete."""
    if item.prior is None:
        return True
    prior, desired = item.prior, item.desired
    return (prior.get("state", "present"), prior.get("version")) != (desired.state, desired.version)
