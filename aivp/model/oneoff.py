"""One-off commands: what is to be run where, as the body of its run; and what a host answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.model.expression import IR_TAGS
from aivp.model.forms import CONNECTION, NOTHING, Form, Map, check
from aivp.model.resource import Host

PREFIX: Final = "exec:"
"""Begins what a run of such a command has in place of a plan's digest."""

_FORM: Final[Form] = {
    "exec": 1,
    "project": str,
    "environment": str,
    "argv": [str],
    "hosts": Map(CONNECTION),
    "timeout": (int, NOTHING),
}


@dataclass(frozen=True, slots=True)
class OneOff:
    """`argv` on each of `hosts`; `timeout` in seconds, None for no limit."""

    project: str
    environment: str
    argv: Sequence[str]
    hosts: Mapping[str, Host]
    timeout: int | None = None

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(
            {
                "exec": 1,
                "project": self.project,
                "environment": self.environment,
                "argv": list(self.argv),
                "hosts": {name: host.form() for name, host in self.hosts.items()},
                "timeout": self.timeout,
            }
        )

    @property
    def digest(self) -> str:
        """What its run has in place of a plan's digest."""
        return PREFIX + canonical.digest_bytes(self.encode())


def is_one_off(plan: str) -> bool:
    """True for what a run of a one-off command has in place of a plan's digest."""
    return plan.startswith(PREFIX)


def read_one_off(body: bytes) -> OneOff:
    """The reverse of `encode`. Raises ValueError."""
    raw: Any = canonical.decode(body, IR_TAGS)
    check(_FORM, raw)
    hosts = {name: Host(name, item["transport"], item["connection"]) for name, item in raw["hosts"].items()}
    return OneOff(raw["project"], raw["environment"], raw["argv"], hosts, raw["timeout"])


@dataclass(frozen=True, slots=True)
class Answer:
    """How it ended on one host. code: the exit code (negative: a signal), None where it did not come so far.

    why: in words, what went wrong; empty where nothing did. is_unknown: the link broke, and nobody knows.
    """

    host: str
    code: int | None = None
    stdout: str = ""
    stderr: str = ""
    is_truncated: bool = False
    why: str = ""
    mend: str = ""
    is_unknown: bool = False

    @property
    def is_done(self) -> bool:
        """True for exit code 0, in time."""
        return self.code == 0 and not self.why

    def form(self) -> dict[str, Json]:
        """As JSON."""
        status = "done" if self.is_done else "unknown" if self.is_unknown else "failed"
        return {
            "host": self.host,
            "status": status,
            "exit_code": self.code,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "is_truncated": self.is_truncated,
            "why": self.why,
        }
