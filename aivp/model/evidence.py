"""Evidence: what observing found, recorded so that a plan can be derived again from it, anywhere and without a host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aivp_contract import canonical
from aivp_contract.observation import Observation, read_observation
from aivp_contract.values import Json

from aivp.model.expression import IR_TAGS
from aivp.model.forms import ANY, NOTHING, Form, Map, check
from aivp.model.object import FORM as OBJECT
from aivp.model.object import Object, read_object

EVIDENCE_VERSION = 1


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host: facts, incarnation and pending notifications.

    error: why it could not be asked, with the code of the diagnostic and how to mend it; trouble: why nothing can be
    applied there (no-state, read-only, full). awaits: address of the resource that this host is, where that is not
    there or does not run; channel: the argv that led to it, where it is a resource.
    """

    incarnation: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    pending: Sequence[str] = ()
    error: str | None = None
    code: str = "AIVP0601"
    mend: str = ""
    trouble: str = ""
    awaits: str = ""
    channel: Sequence[str] = ()

    @property
    def is_reached(self) -> bool:
        """True where it was asked."""
        return self.error is None and not self.awaits

    def form(self) -> dict[str, Json]:
        """As JSON."""
        found: dict[str, Json] = {
            "incarnation": self.incarnation,
            "facts": dict(self.facts),
            "pending": sorted(self.pending),
            "error": self.error,
        }
        if self.trouble:
            found["trouble"] = self.trouble
        if self.awaits:
            found["awaits"] = self.awaits
        if self.channel:
            found["channel"] = list(self.channel)
        return found if self.error is None else {**found, "code": self.code, "mend": self.mend}


@dataclass(frozen=True, slots=True)
class Seen:
    """One resource: what the provider saw, or its error. `asked`: digest of the values that it was asked about."""

    asked: str
    observation: Observation | None = None
    error: Mapping[str, Json] | None = None
    claims: Sequence[Mapping[str, Json]] = ()
    """Claims of other projects or environments on the same identity."""

    def form(self) -> dict[str, Json]:
        """As JSON."""
        found: dict[str, Json] = {"asked": self.asked}
        if self.observation is not None:
            found["observation"] = self.observation.form()
        if self.error is not None:
            found["error"] = dict(self.error)
        if self.claims:
            found["claims"] = [{k: c[k] for k in ("project", "environment", "address")} for c in self.claims]
        return found


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that planning reads of the world. `seen`: by address; of recorded objects by `object_key`.

    providers: third-party providers that were asked → digest of their code. rows: digest of the objects as state has
    them, where some stand here in a newer form; empty where none does. is_untrusted: nothing of the project's author
    ran for it, so some of it is not known.
    """

    project: str
    environment: str
    runner: str
    hosts: Mapping[str, HostEvidence] = field(default_factory=dict)
    objects: Sequence[Object] = ()
    seen: Mapping[str, Seen] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""
    is_untrusted: bool = False

    @property
    def recorded(self) -> str:
        """The digest of state's rows."""
        return self.rows or digest_of(self.objects)

    def without(self, names: Collection[str]) -> Evidence:
        """The same, with hosts that cannot be reached."""
        away = {name: replace(self.hosts[name], error=f"{name} is in trouble") for name in names}
        return replace(self, hosts={**self.hosts, **away})

    def form(self) -> dict[str, Json]:
        """As JSON; `schemas/evidence/v1` describes it."""
        return {
            "evidence": EVIDENCE_VERSION,
            "project": self.project,
            "environment": self.environment,
            "runner": self.runner,
            "hosts": {name: item.form() for name, item in self.hosts.items()},
            "objects": [item.form() for item in self.objects],
            "seen": {key: item.form() for key, item in self.seen.items()},
            **({"providers": dict(self.providers)} if self.providers else {}),
            **({"rows": self.rows} if self.rows else {}),
            **({"untrusted": True} if self.is_untrusted else {}),
        }

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self.form())


def digest_of(objects: Sequence[Object]) -> str:
    """The digest of rows."""
    return canonical.digest([row.form() for row in objects])


_APART = frozenset({"image", "network", "vm"})


def blocks(kind: str) -> bool:
    """True where an error of a look at this kind stops its own resources only.

    Kinds of third parties are named `provider/kind`: such a program may fail in any way, and harms nobody else; nor do
    those of ours that are processes of their own. What the runner's own kinds cannot look at is a mistake of the
    declaration or of the host, and refuses the plan.
    """
    return "/" in kind or kind in _APART


def kind_of(key: str) -> str:
    """The kind that a key of `Evidence.seen` is about."""
    return key.partition(".")[0].rpartition(":")[2]


def object_key(item: Object) -> str:
    """The key of a recorded object in `Evidence.seen`."""
    return f"{'deposed' if item.is_deposed else 'object'}:{item.address}"


_OBSERVATION: Final[Form] = {
    "observed": (Map(ANY), NOTHING),
    "normalised?": Map(ANY),
    "replace?": [str],
    "computed?": Map(ANY),
    "satisfied?": bool,
}
_ERROR: Final[Form] = {"class": str, "message": str, "path?": str, "mend?": str, "trouble?": str, "delay_ms?": int}
_CLAIM: Final[Form] = {"project": str, "environment": str, "address": str}
FORM: Final[Form] = {
    "evidence": EVIDENCE_VERSION,
    "project": str,
    "environment": str,
    "runner": str,
    "providers?": Map(str),
    "rows?": str,
    "untrusted?": bool,
    "hosts": Map(
        {
            "incarnation": str,
            "facts": Map(ANY),
            "pending": [str],
            "error": (str, NOTHING),
            "code?": str,
            "mend?": str,
            "trouble?": str,
            "awaits?": str,
            "channel?": [str],
        }
    ),
    "objects": [OBJECT],
    "seen": Map(
        (
            {
                "asked": str,
                "observation": _OBSERVATION,
                "claims?": [{"project": str, "environment": str, "address": str}],
            },
            {
                "asked": str,
                "error": {"class": str, "message": str, "path?": str, "mend?": str, "trouble?": str, "delay_ms?": int},
            },
        )
    ),
}


def read_evidence(data: bytes) -> Evidence:
    """The reverse of `encode`. Raises ValueError where `data` is none."""
    raw = canonical.decode(data, IR_TAGS)
    check(FORM, raw)
    return Evidence(
        raw["project"],
        raw["environment"],
        raw["runner"],
        {name: HostEvidence(**item) for name, item in raw["hosts"].items()},
        [read_object(item) for item in raw["objects"]],
        {key: _read_seen(item) for key, item in raw["seen"].items()},
        raw.get("providers", {}),
        raw.get("rows", ""),
        raw.get("untrusted", False),
    )


def _read_seen(raw: Mapping[str, Any]) -> Seen:
    observation = read_observation(raw["observation"]) if "observation" in raw else None
    return Seen(raw["asked"], observation, raw.get("error"), raw.get("claims", ()))
