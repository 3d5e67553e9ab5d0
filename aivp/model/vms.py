"""Virtual machines as people handle them: where each stands, and what its host says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json

from aivp.model.resource import Host

KIND = "vm"


@dataclass(frozen=True, slots=True)
class Vm:
    """One that the project declares, state knows, or stands on a host without either.

    address: empty for one that is not ours; host: that it stands on; name: its name there; folder: its folder there,
    empty where it was never made. seen: what the program beside it says, None where nobody asked, or it does not know
    it.
    """

    address: str
    host: Host
    name: str
    folder: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    seen: Mapping[str, Json] | None = None
    error: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.address or f"{self.name} on {self.host.name}"

    @property
    def vms(self) -> str:
        """The folder with all of those that stand beside it."""
        return self.folder.rpartition("/")[0]

    @property
    def program(self) -> Sequence[str]:
        """What answers for it, on its host."""
        return ["python3", "-I", f"{self.folder}/program/ctl.py", self.vms]

    @property
    def way_in(self) -> Sequence[str]:
        """What leads a command into it, on its host."""
        channel = self.outputs.get("channel")
        if isinstance(channel, list) and channel and all(isinstance(part, str) for part in channel):
            return [str(part) for part in channel]
        return ["python3", "-I", f"{self.folder}/enter.py"]

    @property
    def status(self) -> str:
        """running, stopped, …; absent where it is not there, unknown where its host cannot be asked."""
        if self.error:
            return "unknown"
        return "absent" if self.seen is None else self.text("status") or "unknown"

    def text(self, name: str) -> str:
        """Something that is said of it; empty where nothing is."""
        value = (self.seen or {}).get(name)
        if value is None:
            value = self.outputs.get(name)
        return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""

    def number(self, name: str) -> float | None:
        """The same as a number."""
        value = (self.seen or {}).get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def with_seen(self, seen: Mapping[str, Json] | None, error: str = "") -> Vm:
        """The same, as its host tells of it."""
        return replace(self, seen=seen, error=error)

    def form(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "address": self.address or None,
            "host": self.host.name,
            "name": self.name,
            "status": self.status,
            "error": self.error or None,
            "folder": self.folder or None,
            "ip": self.text("address") or None,
            "accelerator": self.text("accelerator") or None,
            **{name: self.number(name) for name in ("cpus", "memory", "uptime", "cpu_seconds", "resident")},
        }
