"""One thing that a third-party provider is asked about, with what its answer is held against."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

from aivp_contract.manifest import Kind
from aivp_contract.values import Json
from aivp_sdk.redaction import Redaction


class Question(NamedTuple):
    """One item of a request. `redaction` is None where nothing has to be hidden."""

    item: Mapping[str, Json]
    kind: Kind
    redaction: Optional[Redaction]

    @property
    def id(self) -> str:
        return str(self.item["id"])
