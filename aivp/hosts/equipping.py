"""Third-party providers that cannot work on a host → an error of whatever they should have done there.

Where a provider fails, its own resources on that host wait, and all else goes on.
"""

from __future__ import annotations

from collections.abc import Iterable

from aivp_contract.values import Json

from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions

Error = dict[str, Json]
"""As a provider's: class and message."""


def unequipped(sessions: Sessions, session: HostSession, kinds: Iterable[str]) -> dict[str, Error]:
    """Bring the providers of `kinds` to a host that is being visited; kind → why its provider cannot work there.

    Raises Refusal or Refused where the host itself is the reason.
    """
    found: dict[str, Error] = {}
    for kind in sorted(set(kinds)):
        try:
            sessions.equip(session, [kind])
        except Refusal as refusal:
            if refusal.code != "provider":
                raise
            found[kind] = {"class": "permanent", "message": refused(refusal).diagnostics[0].why.rstrip(".")}
    return found
