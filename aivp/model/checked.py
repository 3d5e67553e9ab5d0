"""What a look at a host says about working on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Checked:
    """One host. `remarks`: errors keep aivp from working there, warnings do not. What nobody learned is at its default.

    free: bytes beside the journal, -1 unknown. clock: seconds by which the host's is ahead; round_trip: in seconds.
    """

    host: str
    remarks: Sequence[Diagnostic] = ()
    os: str = ""
    python: str = ""
    user: int | None = None
    folder: str = ""
    free: int = -1
    clock: float | None = None
    round_trip: float = field(default=0.0)

    @property
    def is_fit(self) -> bool:
        """True where nothing keeps aivp from working there."""
        return all(item.severity != "error" for item in self.remarks)

    def form(self) -> dict[str, Json]:
        """As JSON."""
        found: dict[str, Json] = {
            "host": self.host,
            "is_fit": self.is_fit,
            "problems": [_remark(item) for item in self.remarks if item.severity == "error"],
            "warnings": [_remark(item) for item in self.remarks if item.severity != "error"],
        }
        if self.user is None:
            return found
        known: dict[str, Json] = {"os": self.os, "python": self.python, "user": self.user}
        if self.clock is None:
            return {**found, **known}
        times = {"clock": round(self.clock, 3), "round_trip_ms": round(self.round_trip * 1000, 1)}
        return {**found, **known, "folder": self.folder, "free": self.free, **times}


def _remark(item: Diagnostic) -> dict[str, Json]:
    return {"code": item.code, "why": item.why, "mend": item.mend}
