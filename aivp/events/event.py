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

Event = RunStarted | StepsStarted | StepEnded | ProviderLogged | ProviderProgressed | RunEnded
Listener = Callable[[Event], None]
