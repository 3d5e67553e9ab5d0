"""Names → values that are made when they are first asked for: a provider of many kinds is seldom asked about all."""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, TypeVar

V = TypeVar("V")


class Late(Mapping[str, V]):
    """`make` is called once for each name, and for no other one."""

    def __init__(self, names: Iterable[str], make: Callable[[str], V]) -> None:
        self._made: Dict[str, V] = {}
        self._names = dict.fromkeys(names)
        self._make = make

    def __getitem__(self, name: str) -> V:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def made(place: str) -> Any:
    """What the class at `module:Class` makes of nothing."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)()
