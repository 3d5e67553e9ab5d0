"""Where the time of a run went and what waited for what, as frozen values; views draw them.

A host's lane is made of messages, in which it works, and of waits between them. Values only: `logbook` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One step; all times in seconds since its session began.

    began: its host took it up; ended: its outcome was reported; effect: from when to when it had one, if it did.
    """

    step: str
    address: str
    action: str
    status: str
    began: float
    ended: float
    effect: tuple[float, float] | None = None

    @property
    def span(self) -> tuple[float, float]:
        """What the step itself took: its effect; where it had none, only that it was looked at."""
        return self.effect or (self.began, self.began)

    @property
    def seconds(self) -> float:
        """Of its effect."""
        return self.span[1] - self.span[0]


@dataclass(frozen=True, slots=True)
class Wait:
    """When a host had nothing to do; `on`: the step or the host that it waited for last, empty if unknown."""

    began: float
    ended: float
    on: str = ""

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Lane:
    """One host. work: from when to when it had a message in hand; bars: its steps, as they began; waits: in between."""

    host: str
    work: Sequence[tuple[float, float]]
    bars: Sequence[Bar]
    waits: Sequence[Wait]


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the critical path: from when to when nothing could have gone on but this. step: None before the first,
    and behind the last one; the time until its effect began is its own.
    """

    began: float
    ended: float
    host: str = ""
    step: str | None = None

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Session:
    """What was done between a begin, or a resumption, of a run and its end. critical: legs that add up to `seconds`.

    started: ISO 8601; status: empty where it was broken off. is_rough: its log has no durations, so a step begins where
    the one before was reported.
    """

    started: str
    is_resumed: bool
    is_rough: bool
    seconds: float
    status: str
    lanes: Sequence[Lane]
    critical: Sequence[Leg]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run: its sessions in their order."""

    run: str
    sessions: Sequence[Session]


@dataclass(frozen=True, slots=True)
class Order:
    """What a plan says about waiting. waits_for: step → steps; behind: host → hosts of the round before its own."""

    waits_for: Mapping[str, Sequence[str]]
    behind: Mapping[str, Sequence[str]]
