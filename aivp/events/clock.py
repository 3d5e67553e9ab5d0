"""How long a run has been going: seconds that no change of the machine's time of day reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Called, it gives the seconds since it was started. `tick`: a monotonic clock."""

    tick: Callable[[], float] = time.monotonic
    since: float = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self.since = self.tick()

    def __call__(self) -> float:
        """Seconds, to the millisecond."""
        return round(self.tick() - self.since, 3)
