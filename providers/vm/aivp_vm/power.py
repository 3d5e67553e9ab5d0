"""Power of one VM: what is asked of its supervisor, and the supervisor's words → errors for people."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict

from aivp_sdk import Canceled, Permanent, Temporary

from .machine import client, places, state
from .machine.spec import Machine

_SHUT_DOWN = 60.0
_LOOK = 2.0
"""Seconds between two looks whether the run is being stopped."""

IsStopped = Callable[[], bool]


def shut_down(folder: Path) -> None:
    """Shut it down cleanly."""
    ask(folder, "stop", wait=_SHUT_DOWN + 60, timeout=_SHUT_DOWN)


def bring(folder: Path, machine: Machine, wanted: str, is_stopped: IsStopped) -> None:
    """Running, paused or stopped, as it shall be. Raises ProviderError, with the end of its console."""
    seen = state.look(folder)
    if wanted == "stopped":
        if seen.pid is not None or seen.supervisor is not None:
            ask(folder, "stop", wait=_SHUT_DOWN + 60, timeout=_SHUT_DOWN)
        return
    status = ask(folder, "start", wait=180, paused=False)["status"]
    if status == "paused" and wanted == "running":
        ask(folder, "resume")
    if wanted == "paused" and status != "paused":
        _await(folder, machine, is_stopped)
        ask(folder, "pause")
    elif wanted == "running":
        _await(folder, machine, is_stopped)


def _await(folder: Path, machine: Machine, is_stopped: IsStopped) -> None:
    """Raises Canceled where the run is being stopped: the VM goes on, and whoever resumes waits for it again."""
    until = time.monotonic() + machine.ready
    while True:
        left = max(until - time.monotonic(), 0.0)
        try:
            client.ask(folder, "wait", wait=left + 30, timeout=min(left, _LOOK))
        except (client.Refusal, client.Unreachable) as error:
            if left > _LOOK and state.look(folder).pid is not None:
                if is_stopped():
                    raise Canceled(f"{machine.name} is still on its way") from None
                continue
            raise _not_ready(folder, machine, error) from None
        return


def _not_ready(folder: Path, machine: Machine, error: Exception) -> Permanent:
    if state.look(folder).pid is not None:
        error = TimeoutError(f"the guest helper did not answer within {machine.ready:g} s")
    return Permanent(
        f"{machine.name} did not get ready: {error}. Its console ends with: {_last_of_console(folder)}",
        path="/ready",
        mend="aivp vm logs shows all that it said; ready: {timeout: 10m} waits longer.",
    )


def _last_of_console(folder: Path) -> str:
    try:
        lines = (folder / places.CONSOLE_LOG).read_bytes()[-2000:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    kept = [line.strip() for line in lines if line.strip()]
    return " | ".join(kept[-3:]) or "nothing"


def ask(folder: Path, verb: str, **arguments: Any) -> Dict[str, Any]:
    """What its supervisor answers to a verb. Raises ProviderError."""
    try:
        found: Dict[str, Any] = client.ask(folder, verb, **arguments)
    except client.Refusal as error:
        raise _refusal(str(error)) from None
    except client.Unreachable as error:
        raise Temporary(str(error)) from None
    return found


def _refusal(text: str) -> Permanent:
    if "cannot be forwarded" in text:
        return Permanent(text, path="/networks", mend="Choose another port, or stop what listens there.")
    if "cannot be started: No such file" in text:
        return Permanent("there is no qemu-system-x86_64", mend="apt-get install qemu-system-x86")
    if "allocate" in text or "set up guest memory" in text:
        return Permanent(text, path="/memory", mend="Declare less memory, or stop other VMs.")
    return Permanent(text, mend="aivp vm logs --log supervisor says more.")
