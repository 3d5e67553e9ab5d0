"""What JSON from a disk has to look like before anyone reads it: types by member, checked in one walk.

A form is a type (`str`, `int`, …; `object` is any JSON), a tuple of forms (one of them), `[form]` (a list),
`{"member": form}` (exactly those members; `"member?"` may be missing), or a `Map` (any keys).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aivp_contract.values import Json

Form = Any


@dataclass(frozen=True, slots=True)
class Map:
    """An object with keys that nobody knows before; each value is of the form `value`."""

    value: Form


class Misshapen(ValueError):
    """A value that is not of its form; the message is a JSON pointer to it."""


ANY: Final = object
NOTHING: Final = type(None)


def check(form: Form, value: Json, where: str = "") -> None:
    """Raise Misshapen at the first value that is not of its form."""
    match form:
        case Map():
            _require(type(value) is dict, where)
            for key, item in value.items():
                check(form.value, item, f"{where}/{key}")
        case dict():
            _require(type(value) is dict, where)
            _check_members(form, value, where)
        case list():
            _require(type(value) is list, where)
            for index, item in enumerate(value):
                check(form[0], item, f"{where}/{index}")
        case tuple():
            _require(any(is_of(item, value) for item in form), where)
        case type():
            _require(form is ANY or type(value) is form, where)
        case _:
            _require(type(value) is type(form) and value == form, where)


def is_of(form: Form, value: Json) -> bool:
    """True where `value` is of that form."""
    try:
        check(form, value)
    except Misshapen:
        return False
    return True


def _check_members(form: Mapping[str, Form], value: Mapping[str, Json], where: str) -> None:
    known = {name.removesuffix("?"): item for name, item in form.items()}
    missing = [name for name in form if not name.endswith("?") and name not in value]
    strangers = [name for name in value if name not in known]
    for name in (*missing, *strangers):
        raise Misshapen(f"{where}/{name}")
    for name, item in value.items():
        check(known[name], item, f"{where}/{name}")


def _require(holds: bool, where: str) -> None:
    if not holds:
        raise Misshapen(where or "/")


LIFECYCLE: Final[Form] = {
    "prevent_destroy?": bool,
    "retain?": bool,
    "ignore_changes?": [str],
    "on_false?": ("forget", "delete"),
    "on_host_destroy?": ("forget", "delete"),
    "create_before_destroy?": bool,
}
META: Final[Form] = {
    "labels?": Map(str),
    "timeout?": (int, NOTHING),
    "retries?": int,
    "on_interrupt?": ("fail", "retry", "accept"),
}
CONNECTION: Final[Form] = {"transport": str, "connection": Map(ANY)}
SECRET: Final[Form] = ({"version": str, "env": ANY}, {"version": str, "file": ANY}, {"version": str, "command": ANY},
                       {"version": str, "generate": ANY})  # fmt: skip
