"""How a third-party provider fails: it breaks its contract, refuses a request, or gives an item an error.

Whatever of its own words is quoted here is short, or not there.
"""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from aivp_contract.values import Json

CLASSES = frozenset({"permanent", "temporary", "rate_limited", "canceled", "interrupted", "bug"})

ERROR = ("class", "message", "path", "mend", "delay_ms")
"""Members of an error that go on to the engine."""

SHOWN = 64
"""Characters of a text of the provider that are quoted; of a longer one nothing, for a part of a secret is no secret
to those who take them out.
"""

LONGEST_DELAY = 24 * 3600 * 1000


class Broken(Exception):
    """The provider broke its contract; the message says how, and names the field."""


class Refused(Exception):
    """The provider refused a whole request. `error` is what each item of it is answered with; `mend` its own advice."""

    def __init__(self, message: str, error: Optional[Mapping[str, Json]] = None) -> None:
        super().__init__(message)
        self.is_outside = error is not None
        """True where the reason lies outside of the provider, such as in its configuration."""
        self.error: Mapping[str, Json] = error or {"class": "permanent", "message": message}

    @property
    def mend(self) -> Optional[str]:
        """What to do about it, where the provider says so."""
        found = self.error.get("mend")
        return found if type(found) is str else None


def item_error(error: Json) -> Dict[str, Json]:
    """The error of an item: the members that the engine knows. Raises Broken."""
    if not isinstance(error, dict) or type(error.get("message")) is not str or not error["message"]:
        raise Broken("an error without a message")
    if type(error.get("class")) is not str or error["class"] not in CLASSES:
        raise Broken(f"the error class {quoted(error.get('class'))}, which the protocol does not have")
    for name in ("path", "mend"):
        if error.get(name) is not None and type(error[name]) is not str:
            raise Broken(f"an error whose {name} is no text")
    delay = error.get("delay_ms", 0)
    if type(delay) is not int or delay < 0:
        raise Broken("an error with a delay that is none")
    found: Dict[str, Json] = {name: error[name] for name in ERROR if error.get(name) is not None}
    if "delay_ms" in found:
        found["delay_ms"] = min(delay, LONGEST_DELAY)
    return found


def quoted(value: Json) -> str:
    """A text of the provider, where it is short."""
    text = str(value) if isinstance(value, (str, int, type(None))) else f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else f"a text of {len(text)} characters"
