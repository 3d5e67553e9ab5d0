"""Run events as a closed union. `name` is the type of the JSON line that an event becomes (views/json_lines)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from aivp_contract.values import Json

from aivp.diagnostics import Span


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run is durable and about to dispatch."""

    name: ClassVar[str] = "run-started"
    run: str
    plan: str
    steps: int
    is_resumed: bool


@dataclass(frozen=True, slots=True)
class StepsStarted:
    """A host was handed these steps in one message."""

    name: ClassVar[str] = "steps-started"
    host: str
    steps: Sequence[str]


@dataclass(frozen=True, slots=True)
class StepEnded:
    """One step's outcome. status: done, failed, blocked, stale, skipped; action: what really was done."""

    name: ClassVar[str] = "step-ended"
    host: str
    step: str
    address: str
    status: str
    action: str
    error: Mapping[str, Json] | None = None
    span: Span | None = None
    """Where that is declared what `error` is about."""
    began: float | None = None
    """When its host took it up, in seconds of the run; None where no host did, or it does not say."""
    effect: tuple[float, float] | None = None
    """From when to when its effect was brought about, with all tries; None where it had none."""


@dataclass(frozen=True, slots=True)
class StepsLasting:
    """What a host is busy with for a while now: the first of `count` steps, and for how many seconds."""

    name: ClassVar[str] = "steps-lasting"
    host: str
    steps: Sequence[str]
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ContentSent:
    """How much of a content that is too large for a plan has been handed to a host; of `total` bytes."""

    name: ClassVar[str] = "content-sent"
    host: str
    address: str
    digest: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ProviderLogged:
    """A third-party provider, or its runner, said something for people. level: one of LEVELS; address: about which."""

    name: ClassVar[str] = "provider-logged"
    host: str
    provider: str
    level: str
    message: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderProgressed:
    """How far a long effect is; `done` of `total` in a unit of the provider's own, where it says so."""

    name: ClassVar[str] = "provider-progressed"
    host: str
    provider: str
    message: str
    address: str | None = None
    done: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over, or stopped; counts by status."""

    name: ClassVar[str] = "run-ended"
    run: str
    status: str
    counts: Mapping[str, int]


LEVELS = ("debug", "info", "warning", "error")

Event = (
    RunStarted | StepsStarted | StepsLasting | StepEnded | ContentSent | ProviderLogged | ProviderProgressed | RunEnded
)
Listener = Callable[[Event], None]
