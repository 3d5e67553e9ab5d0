"""What hosts need beside the runner: providers by the kinds they serve, but for those it hosts; read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aivp_contract.values import Json

if TYPE_CHECKING:
    from aivp.hosts.bundle import Bundle
    from aivp.plugins import Registry

Configure = Callable[[str], Mapping[str, Json]]
"""Provider → its configuration, with the values of secrets."""


class Equipment:
    """Bundles and configurations of the providers in what `registry` gives that the runner does not host.

    `configure` is set by each stage that asks hosts: observing goes by the declaration, applying by the plan.
    """

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self.registry = registry
        self.configure: Configure = lambda _: {}
        self._bundles: dict[str, Bundle] = {}

    def provider(self, kind: str) -> str | None:
        """Who has to be brought to a host for this kind; None where the runner has it."""
        registry = self.registry()
        found = registry.kind(kind)
        if found is None or registry.providers[found.provider].is_hosted:
            return None
        return found.provider

    def bundle(self, provider: str) -> Bundle:
        """The files of a provider, as they were when first asked for. Raises Refused."""
        if provider not in self._bundles:
            from aivp.hosts.bundle import bundle

            self._bundles[provider] = bundle(self.registry().providers[provider])
        return self._bundles[provider]
