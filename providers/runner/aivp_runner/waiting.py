"""How long a third-party provider is waited for, and when it is given up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Limits:
    """Seconds that one answer of a provider is waited for.

    start: for its answer to `initialize`; look: to `observe`, `list` and `upgrade`; silence: without a word, where an
    effect has no `meta.timeout`; grace: between a cancel and the kill.
    """

    start: float = 30.0
    look: float = 60.0
    silence: float = 600.0
    grace: float = 2.0


class Wait:
    """How long an answer is waited for: until a deadline, or else through a silence; then a moment of grace."""

    def __init__(self, limit: Optional[float], limits: Limits) -> None:
        self.limit = limit
        self.limits = limits
        self.begun = self.heard_at = time.monotonic()
        self.late_at: Optional[float] = None
        self.is_cancelled = False

    @property
    def seconds(self) -> float:
        """Since the request."""
        return time.monotonic() - self.begun

    def heard(self) -> None:
        """It said something."""
        self.heard_at = time.monotonic()

    def cancelled(self) -> None:
        """It was told to stop."""
        self.is_cancelled = True

    def is_late(self) -> bool:
        """From now on only the grace is left."""
        since, most = (self.begun, self.limit) if self.limit is not None else (self.heard_at, self.limits.silence)
        if self.late_at is None and time.monotonic() - since > most:
            self.late_at = time.monotonic()
        return self.late_at is not None

    def is_over(self) -> bool:
        """True once the grace is used up, too."""
        return self.is_late() and self.late_at is not None and time.monotonic() - self.late_at > self.limits.grace
