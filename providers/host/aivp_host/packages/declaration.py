"""The declaration of a `package`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Optional

from aivp_sdk import attribute


@dataclass
class Package:
    """One package of the host's package manager."""

    name: str = attribute(
        "Name of the package, with `:architecture` where it is not the host's own.",
        required=True,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9+._-]*[A-Za-z0-9+_])?(:[a-z0-9_-]+)?$",
        examples=["nginx-light"],
    )
    state: Literal["present", "latest", "absent", "purged"] = attribute(
        "present: installed, whatever its version. latest: the candidate of the lists. absent: removed; its"
        " configuration files stay. purged: removed with its configuration files (apt only).",
        default="present",
    )
    version: Optional[str] = attribute(
        "The version, exactly or with `*`: then any that matches will do, and the best is installed.",
        pattern=r"^[0-9A-Za-z*][0-9A-Za-z.+:~*^_-]*$",
        exposed=True,
        examples=["1.22.1-9+deb12u2", "1.22.*", "1:1.20.1-16.el9_4.1"],
    )
    hold: Optional[bool] = attribute("Whether others are kept from changing it. Our own `version` goes through.")
    allow_downgrade: bool = attribute("A `version` below the installed one is meant.", default=False)
    allow_change_held: bool = attribute("Change or remove it even where somebody else holds it.", default=False)
    recommends: bool = attribute("Also install what it recommends.", default=False)
    default_release: Optional[str] = attribute(
        "Prefer this release, as `apt-get -t` does (apt only).",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.~+_/-]*$",
        exposed=True,
        examples=["bookworm-backports"],
    )
    conffiles: Literal["keep", "replace"] = attribute(
        "Of a configuration file that was changed both here and in the package: keep ours, or take the package's. On"
        " rpm the package itself decides, and keep leaves it to it.",
        default="keep",
    )
    purge: bool = attribute("When this resource is deleted, its configuration files go, too (apt only).", default=False)
    lock_timeout: int = attribute(
        "How long to wait while another program is using the package manager.", default=120, semantic="duration"
    )

    @property
    def is_absence(self) -> bool:
        """True where the package shall not be there."""
        return self.state in ("absent", "purged")


@dataclass
class Within:
    """What to list."""

    all: bool = attribute("Also what was installed because others need it.", default=False)
    versions: bool = attribute("Pin the versions that are installed.", default=False)


def deleted(desired: Package) -> Package:
    """What deleting the resource asks for. A hold that is the resource's own goes with it."""
    if desired.is_absence:
        return desired
    return replace(
        desired,
        state="purged" if desired.purge else "absent",
        version=None,
        hold=None,
        allow_change_held=desired.allow_change_held or desired.hold is True,
    )
