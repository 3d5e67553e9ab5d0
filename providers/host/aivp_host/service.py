"""`service`: something that runs: a unit where systemd runs, else an init script. What is done lies in `services`."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence

from aivp_sdk import Change, Done, Item, Kind, Listed, Seen, Session

from .services.declaration import Service, Within
from .services.managers import service_manager


class ServiceKind(Kind[Service]):
    """A systemd unit or an init script: running, enabled, masked; reloaded or restarted when notified."""

    name = "service"
    schema = Service
    identity = ("name",)
    identity_from_name = True
    phase = "service"
    refreshable = True
    deletable = False
    within = Within
    needs = (
        {"command": ["systemctl", "service"], "why": "to start and stop what runs"},
        {"privilege": "root", "why": "to start and stop what runs"},
    )

    def observe_many(self, items: Sequence[Item[Service]], session: Session) -> List[Seen]:
        """One look for all of them."""
        return service_manager().look([item.desired for item in items], session)

    def apply(self, change: Change[Service], session: Session) -> Optional[Done]:
        """Act on it as it is now."""
        manager = service_manager()
        act = manager.refresh if change.action == "refresh" else manager.converge
        return Done(absorbs_refresh=act(change.desired, session))

    def list(self, within: Within, session: Session) -> Iterable[Listed]:
        """What somebody has decided about: enabled, running, masked; with `all`, also what is off."""
        return service_manager().declarations(within, session)
