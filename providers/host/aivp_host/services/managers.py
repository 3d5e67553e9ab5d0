"""What the kind `service` asks of whatever starts things on a host, and which of them the host has."""

from __future__ import annotations

import os
from typing import Iterable, List, Protocol, Sequence

from aivp_sdk import Listed, Permanent, Seen, Session

from . import systemd
from .declaration import Service, Within


class ServiceManager(Protocol):
    """One way to start, stop and enable services. `look` and `declarations` change nothing."""

    def look(self, desired: Sequence[Service], session: Session) -> List[Seen]:
        """The declared fields as they are, in the order asked; an error in the place of what cannot be."""

    def converge(self, desired: Service, session: Session) -> bool:
        """Bring it to its declaration. True where it was started or stopped: then there is nothing to refresh."""

    def refresh(self, desired: Service, session: Session) -> bool:
        """Let it take notice of what has changed, if it is meant to run. True where it has."""

    def declarations(self, within: Within, session: Session) -> Iterable[Listed]:
        """What is there, as declarations that change nothing."""


def service_manager() -> ServiceManager:
    """The running systemd, else the init scripts. Raises Permanent where there is neither."""
    from .init_steps import InitScripts
    from .units import Systemd

    if systemd.is_here():
        return Systemd()
    if os.path.isdir("/run/openrc"):
        raise Permanent("this host runs OpenRC, which is not served yet", mend="Use a command: rc-service, rc-update.")
    if os.path.isdir("/etc/init.d"):
        return InitScripts()
    raise Permanent("this host has neither systemd running nor init scripts", mend="Use a command.")
