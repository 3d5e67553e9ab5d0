"""One cell of the matrix: what a host looks like before (`prepare`), what is declared, how it has to end. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aivp_contract.values import Json

World = Literal["absent", "compliant", "drifted", "hostile", "half-applied"]
WORLDS: tuple[World, ...] = ("absent", "compliant", "drifted", "hostile", "half-applied")

Outcome = Literal["done", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Case:
    """`form` is a way to declare the kind; `twist` tells two cases of one cell apart.

    prepare: a script for the host's shell, with `n` (the name of the case) and `p` (a path of its own).
    outcome: `done`, `refused` while planning, or `failed` by the apply; `why` is then part of what it says.
    touches: patterns of what may change (keys of a snapshot), beside the thing itself.
    alone: in a round of its own, since the host has only one such thing.
    """

    kind: str
    form: str
    world: World
    declare: Mapping[str, Json]
    prepare: str = ""
    outcome: Outcome = "done"
    why: str = ""
    touches: tuple[str, ...] = ()
    twist: str = ""
    alone: bool = False

    @property
    def name(self) -> str:
        """The resource's name; no two cases share one."""
        return "-".join(filter(None, (SHORT[self.kind], self.form, self.world.partition("-")[0], self.twist)))

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.name}"

    @property
    def address(self) -> str:
        return f"{self.kind}.{self.name}@{HOST}"

    @property
    def declared(self) -> dict[str, Json]:
        """The declaration, with `{n}` and `{p}` filled in."""
        return {field: self._filled(value) for field, value in self.declare.items()}

    @property
    def script(self) -> str:
        """`prepare` in a shell of its own, under its name; it ends with the first command that fails."""
        return (
            f"echo {self.name} >&2\n(\nset -eu\nn={self.name}\np={self.path}\n{self.prepare}\n)\n"
            if self.prepare
            else ""
        )

    def may_change(self) -> tuple[str, ...]:
        """Patterns of snapshot keys."""
        own = (self.path,) if self.kind == "file" else ()
        return own + tuple(str(self._filled(pattern)) for pattern in self.touches)

    def _filled(self, value: Json) -> Json:
        match value:
            case str():
                return value.replace("{n}", self.name).replace("{p}", self.path)
            case list():
                return [self._filled(item) for item in value]
            case dict():
                return {key: self._filled(item) for key, item in value.items()}
        return value


FOLDER = "/srv/m"
HOST = "box"

# What names of accounts have room for.
SHORT = {
    "command": "c",
    "file": "f",
    "group": "g",
    "package": "p",
    "package_index": "i",
    "service": "s",
    "user": "u",
}
