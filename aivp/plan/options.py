"""What a person may ask of a plan beyond the declaration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """targets, excluded: addresses, whole or without host and key; is_destroy: nothing is declared on purpose."""

    targets: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    is_destroy: bool = False
