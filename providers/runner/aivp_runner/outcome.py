"""What became of a step, as the statements that belong into the same commit: claims, and notifications."""

from __future__ import annotations

import json
from typing import Any, Iterable, List, Mapping, Optional, Tuple

from aivp_contract import canonical
from aivp_contract.values import Json

Owner = Tuple[str, str, str]
"""Project, environment, lineage."""

RAISE = "INSERT OR IGNORE INTO pending VALUES (?,?,?)"
"""A notification for (project, environment, address)."""


DEPOSED = "#deposed"
"""Ends the address that a claim had, while the thing waits for its end and another one has its place."""

_DEPOSE = (
    "UPDATE registry SET address=address||? WHERE kind=? AND address=? AND identity<>? AND project=? AND environment=?"
)


class Outcome:
    """What became of one step, and the statements that belong into the same commit."""

    def __init__(self, step: str, attempt: int, status: str, action: str, observed: Optional[str]) -> None:
        self.step = step
        self.attempt = attempt
        self.status = status
        self.action = action
        self.observed = observed
        self.statements: List[Tuple[str, Tuple[Any, ...]]] = []

    def claim(self, owner: Owner, claim: Mapping[str, Json], declaration: str) -> None:
        """This project claims `claim` = {kind, identity, address, provenance, lifecycle, edges, tainted, secret_key}.

        tainted: names of fields that hold secrets or ever did. A state made anew must not show what is there.
        """
        project, environment, lineage = owner
        if claim.get("lifecycle", {}).get("create_before_destroy"):  # what had this address goes later
            named = (DEPOSED, claim["kind"], claim["address"], identity_text(claim["identity"]), project, environment)
            self.statements.append((_DEPOSE, named))
        self.statements.append(
            (
                "INSERT OR REPLACE INTO registry VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    claim["kind"],
                    identity_text(claim["identity"]),
                    project,
                    environment,
                    lineage,
                    claim["address"],
                    claim["provenance"],
                    json.dumps(claim.get("lifecycle", {}), sort_keys=True),
                    json.dumps(claim.get("edges", []), sort_keys=True),
                    declaration,
                    claim.get("secret_key"),
                    json.dumps(claim.get("tainted", []), sort_keys=True),
                ),
            )
        )

    def release(self, owner: Owner, kind: str, identity: Json) -> None:
        """This project gives up its claim."""
        self.statements.append(
            (
                "DELETE FROM registry WHERE kind=? AND identity=? AND project=? AND environment=?",
                (kind, identity_text(identity), *owner[:2]),
            )
        )

    def notify(self, owner: Owner, addresses: Iterable[str]) -> None:
        """These receivers have something to act upon."""
        for address in addresses:
            self.statements.append((RAISE, (*owner[:2], address)))

    def settle(self, owner: Owner, address: str) -> None:
        """This receiver has acted."""
        self.statements.append(
            ("DELETE FROM pending WHERE project=? AND environment=? AND address=?", (*owner[:2], address))
        )


def identity_text(identity: Json) -> str:
    """The canonical text of an identity."""
    return canonical.encode(identity).decode()
