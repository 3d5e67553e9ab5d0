"""What a provider says while it works → events for people. Hosts are not believed: whatever is odd is left out, and
what is too much is not handed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from aivp_contract.values import Json

from aivp.apply.answers import LONGEST
from aivp.events import LEVELS, ProviderLogged, ProviderProgressed, StepsLasting
from aivp.plan.steps import Step

MOST_HEARD = 2000
"""Lines of one request to a host that are handed on; a provider's own bounds are in its runner."""

MOST_SAID = 1000
"""Characters of one line, as the runner bounds them."""

MOST_NAMED = 200


@dataclass
class Hearing:
    """The lines of one request. `steps`: by id, those that it is about."""

    host: str
    steps: Mapping[str, Step]
    heard: int = field(init=False, default=0)
    lasting: int = field(init=False, default=0)

    def event(self, method: str, params: Json) -> ProviderLogged | ProviderProgressed | StepsLasting | None:
        """The event of a `log`, `progress` or `lasting`; None for all others, and for what is not worth one."""
        if method == "lasting":
            return self._lasting(params)
        if method not in ("log", "progress") or not isinstance(params, dict):
            return None
        provider, message = params.get("provider"), params.get("message")
        if not isinstance(provider, str) or not isinstance(message, str) or self.heard >= MOST_HEARD:
            return None
        self.heard += 1
        provider, message = provider[:MOST_NAMED], message[:MOST_SAID]
        step = self.steps.get(params["id"]) if isinstance(params.get("id"), str) else None
        address = None if step is None else step.address
        if method == "log":
            level = params.get("level") if params.get("level") in LEVELS else "info"
            return ProviderLogged(self.host, provider, str(level), message, address)
        done, total = _count(params.get("done")), _count(params.get("total"))
        return ProviderProgressed(self.host, provider, message, address, done, total)

    def _lasting(self, params: Json) -> StepsLasting | None:
        """Of steps that were handed over, else of none."""
        names = params.get("steps") if isinstance(params, dict) else None
        if not isinstance(names, list) or not all(type(name) is str and name in self.steps for name in names):
            return None
        count, ms = params.get("count"), params.get("ms")
        if type(count) is not int or type(ms) is not int or not 0 < len(names) <= count <= len(self.steps):
            return None
        if not 0 <= ms < LONGEST or self.lasting >= MOST_HEARD:
            return None
        self.lasting += 1
        return StepsLasting(self.host, names, count, ms / 1000)


def _count(value: Any) -> float | None:
    return value if type(value) in (int, float) and isfinite(value) else None
