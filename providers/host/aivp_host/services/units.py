"""systemd's units as a `ServiceManager`: what is there of a declaration, and what no apply could bring about."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence

from aivp_sdk import Listed, Observation, Permanent, ProviderError, Seen, Session

from . import listing, steps, systemd
from .declaration import Service, Within
from .steps import is_enabled, is_running
from .systemd import Unit, unit_name


class Systemd:
    """The running systemd of the host."""

    def look(self, desired: Sequence[Service], session: Session) -> List[Seen]:
        """One look for all of them."""
        found: List[Seen] = []
        units = systemd.units([unit_name(each.name) for each in desired], session)
        for each, unit in zip(desired, units):
            try:
                refuse_the_impossible(each, unit)
                found.append(see(each, unit))
            except ProviderError as error:
                found.append(error)
        return found

    def converge(self, desired: Service, session: Session) -> bool:
        """Act on the unit as it is now."""
        return steps.converge(desired, session)

    def refresh(self, desired: Service, session: Session) -> bool:
        """Let it take notice."""
        return steps.refresh(desired, session)

    def declarations(self, within: Within, session: Session) -> Iterable[Listed]:
        """Units that somebody has decided about."""
        return listing.declarations(within, session)


def see(desired: Service, unit: Unit) -> Observation:
    """The declared fields as they are. A unit that is not there (yet) neither runs nor is enabled or masked: where that
    is what is declared, nothing is missing.
    """
    observed: Dict[str, Any] = {"name": desired.name}
    wanted: Dict[str, Any] = {"name": desired.name}
    if desired.running is not None:
        observed["running"], wanted["running"] = is_running(unit, desired.running), desired.running
    if desired.enabled is not None:
        observed["enabled"], wanted["enabled"] = is_enabled(unit, desired.enabled), desired.enabled
    if desired.masked is not None:
        observed["masked"], wanted["masked"] = unit.is_masked, desired.masked
    return Observation(observed if unit.is_found or observed == wanted else None, wanted)


def refuse_the_impossible(desired: Service, unit: Unit) -> None:
    """Raise Permanent for what no apply could bring about."""
    if desired.masked and (desired.running or desired.enabled):
        mend = "Leave masked out, or running and enabled."
        raise Permanent("a masked unit can neither run nor be enabled", path="/masked", mend=mend)
    needs_unmasking = desired.enabled or (desired.running and not unit.is_active)
    if unit.is_masked and desired.masked is None and needs_unmasking:
        raise Permanent(f"{unit.name} is masked on this host", path="/masked", mend="Declare masked: false.")
    if desired.running and unit.runs_once:
        raise Permanent(
            f"{unit.name} does its work and ends (Type=oneshot): it cannot be kept running",
            path="/running",
            mend="Leave `running` out; a notification runs it.",
        )
    if unit.is_found and unit.id != unit.name and not (desired.enabled is None and desired.masked is None):
        raise Permanent(f"{unit.name} is another name of {unit.id}", path="/name", mend="Declare it by that one.")
    if desired.enabled and unit.file_state in _NEVER_ENABLED:
        reason, mend = _NEVER_ENABLED[unit.file_state]
        why = f"{unit.name} cannot be enabled: {reason.format(unit=unit)}"
        raise Permanent(why, path="/enabled", mend=mend)


_NEVER_ENABLED = {
    "static": (
        "it has no [Install] section, and starts when another unit asks for it",
        "Leave enabled out, or add an [Install] section in a drop-in.",
    ),
    "indirect": ("its [Install] section only names others (Also=)", "Declare and enable those."),
    "generated": (
        "it is made from {unit.source}, whose links are not managed where systemd runs",
        "Leave enabled out, or declare a unit file of its own.",
    ),
    "transient": ("it exists until the next boot only", "Declare a unit file for it."),
    "bad": ("systemd cannot read its unit file", "See what systemd-analyze verify says of it."),
}
