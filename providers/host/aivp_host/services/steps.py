"""What brings a systemd unit to its declaration, and what a notification does to it."""

from __future__ import annotations

import time
from typing import Sequence

from aivp_sdk import Completed, Permanent, Session, Temporary

from . import systemd
from .declaration import Service
from .systemd import Unit, systemctl, unit_name
from .unit_files import lacks_links

_SETTLE = {"simple": 1.0, "exec": 1.0, "idle": 1.0}
"""Seconds that a unit must stay up after its start. These types tell nobody when they are ready, so nearly every one
that fails does so after `systemctl start` has reported success."""
_SETTLE_OTHERS = 0.2
_LOOK_AGAIN = 0.1

_ENABLED = ("enabled",)
_NOT_ENABLED = (
    "",
    "disabled",
    "static",
    "indirect",
    "linked",
    "linked-runtime",
    "masked",
    "masked-runtime",
    "generated",
)


def is_running(unit: Unit, wanted: bool) -> bool:
    """Whether it runs. What is between on and off, such as a loop of crashes, is never what is wanted."""
    if unit.is_active:
        return True
    return False if unit.is_inactive else not wanted


def is_enabled(unit: Unit, wanted: bool) -> bool:
    """Whether it is enabled for good and all over; enabled in part or until the next boot is never what is wanted."""
    if unit.file_state in _ENABLED:
        return not (wanted and lacks_links(unit.id, unit.files))
    return False if unit.file_state in _NOT_ENABLED else not wanted


def converge(desired: Service, session: Session) -> bool:
    """Bring the unit to its declaration. True where it was started or stopped: then there is nothing to refresh."""
    unit = _look(desired, session)
    if desired.masked is False and unit.is_masked:
        options = ["--runtime"] if unit.file_state == "masked-runtime" else []
        _do(["unmask", *options], unit, "/masked", session)
        unit = _look(desired, session)
    unit = _loaded(desired, unit, session)
    if desired.running or desired.enabled:
        _require(unit)
    if desired.enabled is not None and is_enabled(unit, desired.enabled) is not desired.enabled:
        _set_enabled(desired, unit, desired.enabled, session)
    is_switched = desired.running is not None and is_running(unit, desired.running) is not desired.running
    if is_switched:
        _switch(desired, "start" if desired.running else "stop", unit, session)
    if desired.masked and not unit.is_masked:
        _do(["mask"], unit, "/masked", session)
    return is_switched


def refresh(desired: Service, session: Session) -> bool:
    """Let a running unit take notice of what has changed. One that is not meant to run has nothing to notice."""
    unit = _look(desired, session)
    if desired.running is False:
        return True
    is_outdated = unit.is_outdated()
    unit = _loaded(desired, unit, session)
    _require(unit)
    if unit.is_inactive and not (desired.running or unit.runs_once):
        session.log(f"{unit.name} is not running: nothing to refresh")
        return True
    _switch(desired, _refresh_verb(desired, unit, is_outdated), unit, session)
    return True


def _refresh_verb(desired: Service, unit: Unit, is_outdated: bool) -> str:
    if desired.on_refresh == "reload":
        if not unit.can_reload:
            raise Permanent(f"{unit.name} cannot be reloaded", path="/on_refresh", mend="Use restart.")
        return "restart" if unit.is_inactive else "reload"
    if desired.on_refresh == "restart" or is_outdated or not unit.can_reload or not unit.is_active:
        return "restart"
    return "reload"


def _look(desired: Service, session: Session) -> Unit:
    return systemd.units([unit_name(desired.name)], session)[0]


def _loaded(desired: Service, unit: Unit, session: Session) -> Unit:
    """The unit with its files read anew, where they have changed or systemd may not have noticed a new one."""
    if not unit.needs_daemon_reload and (unit.is_found or not (desired.running or desired.enabled)):
        return unit
    done = systemctl(["daemon-reload"], session)
    if not done.ok:
        why = f"systemctl daemon-reload failed: {systemd.tail(done.stderr)}"
        raise Permanent(why, mend="Mend what it names, or let aivp become root on this host.")
    return _look(desired, session)


def _require(unit: Unit) -> None:
    if not unit.is_found:
        mend = (
            "Declare the package or the unit file that brings it, and let this resource depend on it; or mend the name."
        )
        raise Permanent(f"there is no unit {unit.name} on this host", path="/name", mend=mend)


def _set_enabled(desired: Service, unit: Unit, wanted: bool, session: Session) -> None:
    if wanted:
        _do(["reenable" if unit.file_state == "enabled" else "enable"], unit, "/enabled", session)
    else:
        options = ["--runtime"] if unit.file_state == "enabled-runtime" else []
        _do(["disable", *options], unit, "/enabled", session)
    now = _look(desired, session)
    if is_enabled(now, wanted) is not wanted:
        why = f"{unit.name} is still {now.file_state or 'without a state'}"
        raise Permanent(why, path="/enabled", mend=f"See what systemctl status {unit.name} says of its unit file.")


def _switch(desired: Service, verb: str, unit: Unit, session: Session) -> None:
    """Start, stop, restart or reload, and see that it lasts."""
    if unit.active_state == "failed" and verb != "stop":
        # Else a unit that has failed too often in a short time is not even tried.
        systemctl(["reset-failed", "--", unit.name], session)
    begun = time.time()
    done = systemctl([verb, "--", unit.name], session, timeout=desired.timeout)
    if not done.ok:
        raise _failure(verb, unit, begun, desired, done, session)
    deadline = time.monotonic() + _SETTLE.get(unit.type, _SETTLE_OTHERS)
    while True:
        now = _look(desired, session)
        if verb == "stop" or unit.runs_once:
            break
        if not now.is_active or now.restarts > (unit.restarts if verb == "reload" else 0):
            raise _failure(verb, unit, begun, desired, done, session)
        if time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_AGAIN)


def _failure(verb: str, unit: Unit, begun: float, desired: Service, done: Completed, session: Session) -> Temporary:
    now = _look(desired, session)
    state = f"{now.active_state} ({now.sub_state}{'' if now.result in ('', 'success') else ', ' + now.result})"
    what = f"{unit.name} did not survive its {verb}" if done.ok else f"{verb} of {unit.name} failed"
    if done.timed_out:
        what = f"{verb} of {unit.name} did not end within {desired.timeout} s"
    said = systemd.journal(unit.name, begun, session) or systemd.tail(done.stderr)
    path, mend = "/running", f"Mend what keeps it from running; journalctl -u {unit.name} has the rest."
    if done.timed_out:
        path, mend = "/timeout", f"Raise timeout, or mend what makes it wait; journalctl -u {unit.name} has the rest."
    elif desired.running is None:
        path = "/on_refresh"
    return Temporary(f"{what}: it is {state}" + (f"\n{said}" if said else ""), path=path, mend=mend)


def _do(verb: Sequence[str], unit: Unit, path: str, session: Session) -> None:
    done = systemctl([*verb, "--", unit.name], session)
    if not done.ok:
        why = f"systemctl {' '.join(verb)} {unit.name} failed: {systemd.tail(done.stderr)}"
        raise Permanent(why, path=path, mend=f"Mend what it names; systemctl status {unit.name} says more.")
