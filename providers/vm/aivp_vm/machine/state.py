"""What the supervisor knows of its VM, as a value and as `state.json`; others read the file and ask nobody."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from aivp_vm.drivers import qemu

from . import places
from .holders import holder
from .spec import Forward

LIVE = ("starting", "running", "paused", "stopping")
"""What a VM may be while its QEMU runs."""


@dataclass(frozen=True)
class State:
    """status: starting, running, paused, stopping, stopped, crashed, waiting (for its next start) or failed (gave up).

    starts: how often it was started; failures: in a row; hello: what the guest helper said of itself, None before it
    answered; host_keys: its SSH host keys, kept when it ends; error: why it is not as it should be; wanted: running,
    paused or stopped; is_warm: it began from the memory of its template.
    """

    status: str = "stopped"
    wanted: str = "stopped"
    starts: int = 0
    failures: int = 0
    accelerator: str = ""
    hello: Optional[Mapping[str, Any]] = None
    host_keys: Tuple[str, ...] = ()
    forwards: Tuple[Forward, ...] = ()
    error: str = ""
    is_warm: bool = False

    def write(self, folder: Path) -> None:
        """Keep it in the folder of the VM."""
        places.write_json(folder / places.STATE, {"version": 1, **dataclasses.asdict(self)})


def read(folder: Path) -> State:
    """What was kept last; nothing known where there is none."""
    form: Dict[str, Any] = places.read_json(folder / places.STATE) or {}
    known = {item.name for item in dataclasses.fields(State)}
    found = {name: value for name, value in form.items() if name in known}
    found["forwards"] = tuple(Forward(**one) for one in found.get("forwards", ()))
    found["host_keys"] = tuple(found.get("host_keys", ()))
    return State(**found)


@dataclass(frozen=True)
class Seen:
    """A look from outside. pid: of QEMU; supervisor: its pid; None where there is none. state: as was kept last."""

    state: State
    pid: Optional[int]
    supervisor: Optional[int]

    @property
    def status(self) -> str:
        """What it really is: a state that was kept counts as far as the processes bear it out."""
        if self.pid is None:
            if self.state.status in LIVE:
                return "crashed"
            return self.state.status if self.supervisor is not None or self.state.status != "waiting" else "crashed"
        if self.supervisor is None:
            return "unsupervised"
        return self.state.status if self.state.status in LIVE else "starting"


def look(folder: Path) -> Seen:
    """Two locks and a file: nobody is asked, so nobody can be slow."""
    return Seen(read(folder), holder(folder / qemu.PID_FILE), holder(folder / places.LOCK))
