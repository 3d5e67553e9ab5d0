"""Distribution metadata → the kinds that installed providers serve.

A Python package registers the entry point `aivp.providers` with the value `package:file`; any other program is a folder
with a `manifest.json`. The manifest is opened as data: no provider is ever imported, not even its package's `__init__`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from aivp_contract import canonical
from aivp_contract.manifest import BadManifest, Kind, Manifest, read_manifest
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.plugins.locate import MANIFEST, Installed, installed
from aivp.plugins.suggestion import nearest

FIRST_PARTY = frozenset({"host", "image", "network", "vm", "secret", "agent"})
"""Providers whose kinds have no `/` in their name; every other provider's kinds are `provider/kind`."""

HOSTED = frozenset({"host"})
"""Of these, what every session with a host has: it needs nothing but the SDK, and no more time than to import it."""

_MEND = "docs/protocol/v1.md says in section 3 what a manifest holds; aivp providers list says where the others stand."

MAX_MANIFEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: its manifest, as a value and as the `document` with its digest; the folder of its code.

    `folder` is None where there is only a manifest; `package` is empty where it is no Python package, `distribution`
    where none registered it.
    """

    name: str
    manifest: Manifest
    digest: str
    document: Json
    package: str = ""
    folder: Path | None = None
    distribution: str = ""

    @property
    def is_first_party(self) -> bool:
        """True for what comes with aivp; the name alone is no proof of that."""
        return self.name in FIRST_PARTY and self.package == f"aivp_{self.name}"

    @property
    def is_hosted(self) -> bool:
        """True for what lives in the runner's process; any other travels where it is used, and has its own process."""
        return self.is_first_party and self.name in HOSTED


@dataclass(frozen=True, slots=True)
class Registry:
    """All known providers by name and all their kinds by name, both sorted. flaws: warnings of what cannot be used."""

    providers: Mapping[str, Provider]
    kinds: Mapping[str, Kind]
    flaws: tuple[Diagnostic, ...] = ()

    def kind(self, name: str) -> Kind | None:
        """The kind of that name."""
        return self.kinds.get(name)

    def nearest(self, name: str) -> list[str]:
        """Names of kinds that resemble an unknown one."""
        return nearest(name, self.kinds)

    @property
    def manifests(self) -> Mapping[str, Manifest]:
        """Provider → manifest."""
        return {name: item.manifest for name, item in self.providers.items()}

    @property
    def digests(self) -> Mapping[str, str]:
        """Provider → digest of its manifest."""
        return {name: item.digest for name, item in self.providers.items()}

    @classmethod
    def discover(cls) -> Registry:
        """Everything installed that can be used. A manifest that is missing, broken or in another's way is a flaw.

        It refuses only who uses its kinds, which nobody serves then.
        """
        diagnostics = Diagnostics()
        found = [item for place in installed() if (item := _read(place, diagnostics))]
        registry = _registry(found, diagnostics)
        return replace(registry, flaws=tuple(replace(item, severity="warning") for item in diagnostics.sorted()))

    @classmethod
    def survey(cls) -> tuple[list[tuple[str, Provider]], Diagnostics]:
        """Everything installed as (where from, provider), by name, with what `discover` would refuse."""
        diagnostics = Diagnostics()
        found = [(place.distribution, item) for place in installed() if (item := _read(place, diagnostics))]
        _registry([item for _, item in found], diagnostics)
        return sorted(found, key=lambda pair: (pair[1].name, pair[1].digest)), diagnostics

    @classmethod
    def at(cls, folder: Path) -> Provider:
        """The provider of a folder: its manifest.json, or that of the one Python package in it. Raises Refused."""
        diagnostics = Diagnostics()
        places = [place for place in (folder, *_folders(folder)) if (place / MANIFEST).is_file()]
        if len(places) != 1:
            many = " and ".join(place.name for place in places) or "none"
            diagnostics.error(
                "AIVP0923", f"{folder} is no folder of one provider: a manifest.json is in it, or right below ({many})."
            )
            diagnostics.refuse()
        (place,) = places
        package = place.name if (place / "__init__.py").is_file() else ""
        provider = _read(Installed(str(place), MANIFEST, package, place, place / MANIFEST), diagnostics)
        diagnostics.refuse()
        assert provider is not None
        return provider

    @classmethod
    def of(cls, documents: Iterable[Json]) -> Registry:
        """A registry of explicit manifest documents. Raises Refused where one is broken or in another's way."""
        diagnostics = Diagnostics()
        found = [item for document in documents if (item := _provider(document, "", None, diagnostics))]
        registry = _registry(found, diagnostics)
        diagnostics.refuse()
        return registry


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _read(place: Installed, diagnostics: Diagnostics) -> Provider | None:
    if place.path is None:
        diagnostics.error(
            "AIVP0310",
            f"The distribution {place.distribution} registers the provider {place.value}, but that file is not there.",
            f"Install {place.distribution} again.",
        )
        return None
    try:
        with place.path.open("rb") as file:
            data = file.read(MAX_MANIFEST + 1)
        document = canonical.decode(data[:MAX_MANIFEST])
    except (OSError, canonical.NotCanonical) as error:
        diagnostics.error("AIVP0310", f"The manifest of {place.distribution} cannot be read: {error}.", _MEND)
        return None
    provider = _provider(document, place.package, place.folder, diagnostics)
    if provider is not None and place.is_registered:
        provider = replace(provider, distribution=place.distribution)
    if provider is None or _keeps_names(provider, diagnostics):
        return provider
    return None


def _provider(document: Json, package: str, folder: Path | None, diagnostics: Diagnostics) -> Provider | None:
    try:
        manifest = read_manifest(document)
        return Provider(manifest.name, manifest, canonical.digest(document), document, package, folder)
    except (BadManifest, canonical.NotCanonical) as error:
        diagnostics.error("AIVP0310", f"{error}.", _MEND)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        name = document.get("name") if isinstance(document, dict) else None
        diagnostics.error("AIVP0310", f"The manifest of the provider {name} breaks its format: {error}.", _MEND)
    return None


def _keeps_names(provider: Provider, diagnostics: Diagnostics) -> bool:
    """Third-party kinds carry their provider's name, so that a new first-party kind can never clash with one."""
    prefix = f"{provider.name}/"
    if provider.is_first_party:
        wrong = [name for name in provider.manifest.kinds if "/" in name]
    else:
        wrong = [name for name in provider.manifest.kinds if not name.startswith(prefix)]
    for name in wrong:
        diagnostics.error(
            "AIVP0312", f"The provider {provider.name} serves the kind {name}; its kinds are named {prefix}NAME."
        )
    return not wrong


def _registry(found: Iterable[Provider], diagnostics: Diagnostics) -> Registry:
    """Of several that have one name none counts, since nobody said which: but for aivp's own, which stays."""
    named: dict[str, list[Provider]] = {}
    for provider in sorted(found, key=lambda item: (item.name, item.digest)):
        named.setdefault(provider.name, []).append(provider)
    providers: dict[str, Provider] = {}
    kinds: dict[str, Kind] = {}
    for name, rivals in named.items():
        if len(rivals) > 1:
            diagnostics.error("AIVP0311", f"{len(rivals)} installed providers are named {name}.", "Remove all but one.")
        usable = rivals if len(rivals) == 1 else [item for item in rivals if item.is_first_party]
        for provider in usable[:1]:
            providers[name] = provider
            for kind_name, kind in provider.manifest.kinds.items():
                if kind_name in kinds:
                    why = f"The providers {kinds[kind_name].provider} and {name} both serve the kind {kind_name}."
                    diagnostics.error("AIVP0311", why, "Remove one of them.")
                kinds[kind_name] = kind
    return Registry(MappingProxyType(providers), MappingProxyType(dict(sorted(kinds.items()))))
