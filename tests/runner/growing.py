"""A first-party provider whose kind has grown: what version 1 called `label` is among the `tags` now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aivp_contract.values import Json
from aivp_sdk import Kind, Permanent, Provider, attribute


@dataclass
class Growing:
    """The declaration."""

    name: str = attribute("What it is called.", required=True)
    tags: list[str] = attribute("Words to find it by.", set=True)


class GrowingKind(Kind[Growing]):
    """Upgrades from version 1; nothing older is known."""

    name = "growing"
    schema = Growing
    schema_version = 2
    identity = ("name",)

    def upgrade(self, version: int, attributes: Mapping[str, Json]) -> Mapping[str, Json]:
        """One label becomes the only tag."""
        if version == 0:
            raise Permanent("version 0 was never released")
        found = dict(attributes)
        found["tags"] = [found.pop("label")]
        return found


PROVIDER = Provider("growing", "2", [GrowingKind()])
