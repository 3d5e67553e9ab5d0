"""Init scripts as a `ServiceManager`: what brings one to its declaration, and what a notification does to it.

The order of a step: links, then start or stop. What init scripts know nothing of is refused, never passed over.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

from aivp_sdk import Completed, Json, Listed, Observation, Permanent, ProviderError, Seen, Session, Temporary

from . import init_scripts
from .declaration import Service, Within
from .init_scripts import Script, Status
from .systemd import SUFFIXES

_POLICY = "/usr/sbin/policy-rc.d"
_ALLOWED = (0, 1, 104, 105)
"""Exit codes of a policy that mean yes, or that it has no opinion."""
_SETTLE = 1.0
"""Seconds that it must stay as asked: a script knows that it has started something, not that this survives."""
_PATIENCE = 5.0
"""Seconds until a daemon must have shown itself (it may write its pid file late), or must have gone."""
_LOOK_AGAIN = 0.2


class InitScripts:
    """The scripts of /etc/init.d and their links in /etc/rcN.d, where systemd does not run."""

    def look(self, desired: Sequence[Service], session: Session) -> List[Seen]:
        """One after the other: each script is asked itself."""
        found: List[Seen] = []
        for each in desired:
            try:
                found.append(see(each, session))
            except ProviderError as error:
                found.append(error)
        return found

    def converge(self, desired: Service, session: Session) -> bool:
        """Act on the script as it is now."""
        refuse(desired)
        script = init_scripts.script(script_name(desired))
        if desired.running or desired.enabled:
            _require(script)
        if desired.enabled is not None and script.is_enabled(desired.enabled) is not desired.enabled:
            _set_enabled(script, desired.enabled, session)
        if desired.running is None or not script.is_found:
            return False
        if _is_running(script, session) is desired.running:
            return False
        _switch(desired, "start" if desired.running else "stop", script, session)
        return True

    def refresh(self, desired: Service, session: Session) -> bool:
        """Reload what can, restart what cannot; one that is not meant to run has nothing to notice."""
        refuse(desired)
        if desired.running is False:
            return True
        script = init_scripts.script(script_name(desired))
        _require(script)
        is_running = _is_running(script, session)
        if not is_running and not desired.running:
            session.log(f"{script.name} is not running: nothing to refresh")
            return True
        _switch(desired, _refresh_verb(desired, script, is_running), script, session)
        return True

    def declarations(self, within: Within, session: Session) -> Iterable[Listed]:
        """Scripts that are linked somewhere; with `all`, also those that are off."""
        return _declarations(within, session)


def see(desired: Service, session: Session) -> Observation:
    """The declared fields as they are. A script that is not there (yet) neither runs nor is enabled."""
    refuse(desired)
    script = init_scripts.script(script_name(desired))
    if desired.enabled and script.is_found and not script.levels:
        why = f"the init script {script.name} names no run level in its header (Default-Start): nothing would start it"
        raise Permanent(why, path="/enabled", mend="Leave enabled out, or give the script such a header.")
    observed: Dict[str, Any] = {"name": desired.name}
    wanted: Dict[str, Any] = {"name": desired.name}
    if desired.running is not None:
        observed["running"] = script.is_found and _is_running(script, session)
        wanted["running"] = desired.running
    if desired.enabled is not None:
        observed["enabled"], wanted["enabled"] = script.is_enabled(desired.enabled), desired.enabled
    if desired.masked is not None:
        observed["masked"], wanted["masked"] = False, desired.masked
    return Observation(observed if script.is_found or observed == wanted else None, wanted)


def refuse(desired: Service) -> None:
    """Raise Permanent for what init scripts cannot serve."""
    name = desired.name
    if "@" in name or (name.rpartition(".")[2] in SUFFIXES and "." in name and not name.endswith(".service")):
        why = f"{name} is a unit of systemd, which does not run here; there are only init scripts"
        raise Permanent(
            why, path="/name", mend="Name a script of /etc/init.d, or declare it for other hosts only (when)."
        )
    if desired.masked:
        why = "init scripts cannot be masked, and systemd does not run here"
        raise Permanent(why, path="/masked", mend="Declare enabled: false and running: false.")
    if desired.running is not None and init_scripts.is_chroot():
        why = "this is a chroot: what is started here would run in the system around it"
        raise Permanent(why, path="/running", mend="Leave running out; enabled says what starts with the system.")


def script_name(desired: Service) -> str:
    """`.service` may be said, as for a unit."""
    return desired.name.removesuffix(".service")


def _require(script: Script) -> None:
    if not script.is_found:
        mend = "Declare the package that brings it, and let this resource depend on it; or mend the name."
        raise Permanent(f"there is no init script {script.name} that can be run on this host", path="/name", mend=mend)


def _is_running(script: Script, session: Session) -> bool:
    found = init_scripts.status(script, session)
    if found.is_running is None:
        raise Permanent(found.why, path="/running", mend=found.mend)
    return found.is_running


def _refresh_verb(desired: Service, script: Script, is_running: bool) -> str:
    if desired.on_refresh == "reload" and "reload" not in script.actions:
        raise Permanent(f"{script.name} cannot be reloaded", path="/on_refresh", mend="Use restart.")
    if not is_running:
        return "start"
    return "restart" if desired.on_refresh == "restart" or "reload" not in script.actions else "reload"


def _set_enabled(script: Script, wanted: bool, session: Session) -> None:
    if shutil.which("update-rc.d", path="/usr/sbin:/sbin") is None:
        mend = "Install what has it (on Debian: init-system-helpers, sysv-rc), or make the links with file resources."
        raise Permanent("update-rc.d is not on this host", path="/enabled", mend=mend)
    # `enable` only turns links that are there; `defaults` makes them where there are none, and else does nothing.
    said = ""
    for verb in ("defaults", "enable") if wanted else ("disable",):
        done = session.effect(["update-rc.d", script.name, verb])
        said = init_scripts.words(done.stdout, done.stderr)
    now = init_scripts.script(script.name)
    if now.is_enabled(wanted) is not wanted:
        levels = ", ".join(f"{letter} in {level}" for level, letter in now.links) or "no links"
        why = f"update-rc.d {script.name} left {levels}" + (f"\n{said}" if said else "")
        raise Permanent(why, path="/enabled", mend="Mend what it names; the header of the script says which levels.")


def _switch(desired: Service, verb: str, script: Script, session: Session) -> None:
    """Start, stop, restart or reload, and see that it lasts."""
    path = "/running" if desired.running is not None else "/on_refresh"
    _obey_policy(script, verb, path, session)
    done = session.effect(init_scripts.command(script.name, verb), timeout=desired.timeout)
    if not done.ok:
        raise _failure(f"{verb} of {script.name} failed (exit {done.code})", done, desired, path)
    if not _lasts(script, verb != "stop", session):
        word = "runs on" if verb == "stop" else "does not run"
        raise _failure(f"{script.name} {word} after its {verb}, which reported success", done, desired, path)


def _lasts(script: Script, wanted: bool, session: Session) -> bool:
    """Whether it comes to be as wanted, and stays so."""
    begun = time.monotonic()
    since: Optional[float] = None
    while True:
        now = time.monotonic()
        if _is_running(script, session) is wanted:
            since = now if since is None else since
            if not wanted or now - since >= _SETTLE:
                return True
        else:
            since = None
            if now - begun >= _PATIENCE:
                return False
        time.sleep(_LOOK_AGAIN)


def _failure(what: str, done: Completed, desired: Service, path: str) -> Temporary:
    if done.timed_out:
        what = f"{what.partition(' (')[0]}: it did not end within {desired.timeout} s"
        return Temporary(what, path="/timeout", mend="Raise timeout, or mend what makes it wait.")
    said = init_scripts.words(done.stdout, done.stderr)
    mend = f"Mend what keeps it from running; /etc/default/{script_name(desired)} may say that it shall not start."
    return Temporary(what + (f"\n{said}" if said else ""), path=path, mend=mend)


def _obey_policy(script: Script, verb: str, path: str, session: Session) -> None:
    """Ask the host's policy, as invoke-rc.d does. That itself takes a host without init for one that forbids all."""
    if not os.access(_POLICY, os.X_OK):
        return
    done = session.probe([_POLICY, script.name, verb])
    if done.code in _ALLOWED:
        return
    said = init_scripts.words(done.stdout, done.stderr)
    what = "denies" if done.code == 101 else "does not allow"
    why = f"nothing was done: {_POLICY} of this host {what} the {verb} of {script.name} (exit {done.code})"
    mend = "Images for containers come with such a policy: remove that file (by a file resource that this depends on)."
    raise Permanent(why + (f"\n{said}" if said else ""), path=path, mend=mend)


def _declarations(within: Within, session: Session) -> Iterator[Listed]:
    can_run = not init_scripts.is_chroot()
    for name in init_scripts.names():
        script = init_scripts.script(name)
        if not script.is_found or not script.levels:
            continue
        # What runs while the host starts does its work and ends.
        is_daemon = can_run and set(script.levels) != {"S"} and "status" in script.actions
        running = init_scripts.status(script, session) if is_daemon else Status(None)
        enabled = any(letter == "S" for _, letter in script.links)
        if not (enabled or running.is_running or within.all):
            continue
        found: Dict[str, Json] = {"name": name}
        note = ""
        if script.is_enabled(enabled) is enabled:
            found["enabled"] = enabled
        else:
            note = "it is enabled in part: enabled is left out"
        if running.is_running is not None:
            found["running"] = running.is_running
        if len(found) > 1:
            yield Listed(found, note=note)
