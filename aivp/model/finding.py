"""What an examination says of a host: one finding for each thing that is needed there, and what would mend them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is needed. need: what it is, such as `command qemu-img`; kinds: who needs it; detail: what was
    found. remark: what is wrong with it, None where it is as it should be.

    package: what would bring it with the host's package manager; command: what else would mend it.
    """

    need: str
    kinds: Sequence[str] = ()
    detail: str = ""
    remark: Diagnostic | None = None
    package: str = ""
    command: str = ""

    @property
    def state(self) -> str:
        """ok, warning or missing."""
        if self.remark is None:
            return "ok"
        return "missing" if self.remark.severity == "error" else "warning"

    def form(self) -> dict[str, Json]:
        """As JSON."""
        remark = self.remark
        return {
            "need": self.need,
            "state": self.state,
            "kinds": list(self.kinds),
            "detail": self.detail,
            "remark": None if remark is None else {"code": remark.code, "why": remark.why, "mend": remark.mend},
        }


@dataclass(frozen=True, slots=True)
class Examined:
    """One host, or the controller. title: what it is, for people; commands: what is to be run there, in this order, so
    that nothing is missing any more, as far as commands can do that.
    """

    host: str
    findings: Sequence[Finding] = ()
    title: str = ""
    commands: Sequence[str] = ()

    @property
    def is_fit(self) -> bool:
        """True where nothing is missing."""
        return all(item.state != "missing" for item in self.findings)

    @property
    def remarks(self) -> list[Diagnostic]:
        """What is wrong there."""
        return [item.remark for item in self.findings if item.remark is not None]

    def form(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "host": self.host,
            "is_fit": self.is_fit,
            "findings": [item.form() for item in self.findings],
            "commands": list(self.commands),
        }
