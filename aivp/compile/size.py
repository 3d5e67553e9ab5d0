"""How large is a value once everything shared in it is written out? References can double a value at every step, so a
few lines could stand for more than any machine holds; every value that they make is measured as it is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract.values import Json, Tagged

from aivp.compile.mistake import Mistake

MAX_VALUE = 1024 * 1024
"""Bytes, about, of one value and of one resource."""
MAX_TOTAL = 256 * 1024 * 1024
"""The same of all resources of a project."""
MAX_DEPTH = 100
"""Of lists and mappings within each other."""


class Sizes:
    """Sizes by identity: what is shared is looked at once, and kept alive, so that identities stay true."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}
        self._seen: list[Json] = []
        self._total = 0

    def check(self, value: Json) -> None:
        """Raise Mistake where `value` is too large or too deep."""
        size, depth = self._of(value)
        if size > MAX_VALUE:
            raise Mistake("AIVP0227", f"Written out, this value has more than {MAX_VALUE >> 20} MiB.", "Refer to less.")
        if depth > MAX_DEPTH:
            raise Mistake(
                "AIVP0227", f"Written out, this value is nested more than {MAX_DEPTH} deep.", "Refer to less."
            )

    def check_total(self, attributes: Mapping[str, Json]) -> None:
        """The same for a resource. Raises Mistake also where all resources together are too large."""
        self.check(attributes)
        self._total += self._of(attributes)[0]
        if self._total > MAX_TOTAL:
            why = f"Written out, the resources up to this one have more than {MAX_TOTAL >> 20} MiB."
            raise Mistake("AIVP0227", why, "Use fewer or smaller ones.")

    def _of(self, value: Json) -> tuple[int, int]:
        if type(value) is str:
            return len(value) + 8, 0
        if type(value) is not dict and type(value) is not list and not isinstance(value, Tagged):
            return 8, 0
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._measure(value)
            self._seen.append(value)
        return known

    def _measure(self, value: Json) -> tuple[int, int]:
        if isinstance(value, Tagged):
            return self._of(value.form())
        members = value.values() if type(value) is dict else value
        size, depth = 8 + sum(len(key) + 8 for key in value) if type(value) is dict else 8, 0
        for item in members:
            item_size, item_depth = self._of(item)
            size, depth = size + item_size, max(depth, item_depth)
        return size, depth + 1
