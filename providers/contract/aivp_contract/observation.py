"""What a provider saw of one resource, and its form on the wire and in evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, Type

from .values import Json


@dataclass(frozen=True)
class Observation:
    """The answer for one resource.

    observed: the real values of its fields; None when it does not exist.
    normalised: the desired values as the real thing would show them; None: as they were sent.
    replace: names of fields whose change needs a new object.
    computed: what each computed field is, or will be (`Unknown` if only the apply can tell).
    satisfied: for kinds with guards: True, nothing to do; False, it must run; None, the fields decide.
    """

    observed: Optional[Mapping[str, Json]] = None
    normalised: Optional[Mapping[str, Json]] = None
    replace: Tuple[str, ...] = ()
    computed: Mapping[str, Json] = field(default_factory=dict)
    satisfied: Optional[bool] = None

    def form(self) -> Dict[str, Json]:
        """As JSON; members at their default are left out."""
        found: Dict[str, Json] = {"observed": None if self.observed is None else dict(self.observed)}
        if self.normalised is not None:
            found["normalised"] = dict(self.normalised)
        if self.replace:
            found["replace"] = sorted(self.replace)
        if self.computed:
            found["computed"] = dict(self.computed)
        if self.satisfied is not None:
            found["satisfied"] = self.satisfied
        return found


def read_observation(raw: Json) -> Observation:
    """The reverse of `form`. Raises ValueError where a member has the wrong type."""
    found = read_members(raw)
    return Observation(**{**found, "replace": tuple(found["replace"])} if "replace" in found else found)


def read_members(raw: Json) -> Dict[str, Any]:
    """The members of an observation's form that are known and there. Raises ValueError as `read_observation`."""
    members: Dict[str, Any] = {}
    for name, value in raw.items():
        kind = _MEMBERS.get(name)
        if kind is None or value is None:
            continue
        if not isinstance(value, kind):
            raise ValueError(f"{name} of an observation has the wrong type")
        members[name] = value
    return members


_MEMBERS: Mapping[str, Type[Any]] = {
    "observed": dict,
    "normalised": dict,
    "replace": list,
    "computed": dict,
    "satisfied": bool,
}
