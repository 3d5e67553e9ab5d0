"""The declaration of a `service`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional

from aivp_sdk import attribute

NAME = r"^[A-Za-z0-9:_\\][A-Za-z0-9:_.\\-]*(@[A-Za-z0-9:_\\-][A-Za-z0-9:_.\\-]*)?$"


@dataclass
class Service:
    """A systemd unit or, where systemd does not run, an init script."""

    name: str = attribute(
        "Name of the unit or init script; `.service` may be left out, other types of unit may not.",
        required=True,
        pattern=NAME,
        examples=["nginx", "fstrim.timer", "getty@tty1"],
    )
    running: Optional[bool] = attribute("Whether it runs. Sockets, timers, paths and mounts run while they are active.")
    enabled: Optional[bool] = attribute(
        "Whether it starts with the host, or whenever else its [Install] section or its script's header says."
    )
    masked: Optional[bool] = attribute("Whether nobody may start it (systemd only).")
    on_refresh: Literal["reload_or_restart", "reload", "restart"] = attribute(
        "What a notification does. reload_or_restart: reload where the unit can, but restart it if its own unit files"
        " were changed.",
        default="reload_or_restart",
    )
    timeout: int = attribute("How long one start, stop or reload may take.", default=120, semantic="duration")


@dataclass
class Within:
    """What to list."""

    all: bool = attribute("Also units that are off, and those that came masked with their package.", default=False)
