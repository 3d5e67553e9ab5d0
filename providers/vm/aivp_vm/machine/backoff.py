"""A VM that ended by itself → whether and when it is started again. Pure."""

from __future__ import annotations

from typing import Optional

from .spec import Restart

STEADY = 60.0
"""Seconds after which a VM counts as having run well: its next failure is a first one again."""


def delay(restart: Restart, is_failure: bool, ran: float, failures: int) -> Optional[float]:
    """Seconds to wait before the next start, or None for none. `failures`: those in a row before this one."""
    if restart.policy == "never" or (restart.policy == "on-failure" and not is_failure):
        return None
    tries = 0 if ran >= STEADY else failures
    if tries >= restart.limit:
        return None
    return float(min(restart.delay * 2**tries, restart.max_delay))
