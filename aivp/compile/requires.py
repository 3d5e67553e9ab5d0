"""`requires.providers` against what is installed. What the project requires of aivp itself, `config` has checked."""

from __future__ import annotations

from aivp.config.project import Declared
from aivp.diagnostics import Diagnostics
from aivp.plugins import Registry
from aivp.plugins.suggestion import did_you_mean, listing


def check_requires(declared: Declared | None, registry: Registry, diagnostics: Diagnostics) -> None:
    """Report every provider that is missing or of another version. Specifiers are PEP 440 and already checked."""
    wanted = (declared.value.get("providers") or {}) if declared is not None else {}
    for name in sorted(name for name in wanted if type(wanted[name]) is str):  # `config` told of any other
        assert declared is not None
        provider = registry.providers.get(name)
        if provider is None:
            mend = did_you_mean(name, registry.providers) or f"Installed: {listing(registry.providers)}."
            place = declared.key_span("providers", name)
            diagnostics.error("AIVP0313", f"The provider {name} is not installed.", mend, span=place)
        elif not _admits(wanted[name], provider.manifest.version):
            why = f"The project requires the provider {name} {wanted[name]}; {provider.manifest.version} is installed."
            place = declared.span("providers", name)
            diagnostics.error("AIVP0313", why, "Install a version that fits.", span=place)


def _admits(wanted: str, version: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False
