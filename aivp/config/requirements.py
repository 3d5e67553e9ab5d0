"""What only the root document says: language version, project name, and which versions it needs."""

from __future__ import annotations

import aivp
from aivp.config.project import Declared
from aivp.config.scalars import describe
from aivp.config.shape import inner, is_name, is_of, knows_keys, members
from aivp.diagnostics import Diagnostics

LANGUAGE = "v1"
OLDER = ("v0",)
"""What `aivp migrate` knows a way from."""


def read_header(root: Declared, found: Diagnostics) -> tuple[str, Declared | None]:
    """The project's name and its `requires`; that of aivp itself is checked here, those of providers by compile."""
    if root.value.get("aivp") != LANGUAGE:
        said = root.value.get("aivp")
        why = "The root document does not say its language version." if said is None else f"`aivp` is {describe(said)}."
        mend = f"Write `aivp: {LANGUAGE}`, the one version that this aivp ({aivp.__version__}) reads."
        if said in OLDER:
            mend = f"Bring it to {LANGUAGE}, which this aivp reads: aivp migrate."
        found.error("AIVP0125", why, mend, span=root.span("aivp"))
    return _name(root, found), _requires(root, found)


def _name(root: Declared, found: Diagnostics) -> str:
    name = root.value.get("project")
    if name is None:
        mend = "Write `project: NAME`; it stays part of what hosts remember."
        found.error("AIVP0125", "The root document does not name its project.", mend, span=root.span("project"))
        return ""
    part = inner(root, "project")
    if is_of(part, "string", "`project`", found):
        is_name(root, name, "a project", found, shown=part)
        return str(name)
    return ""


def _requires(root: Declared, found: Diagnostics) -> Declared | None:
    if root.value.get("requires") is None:
        return None
    requires = inner(root, "requires")
    if not is_of(requires, "map", "`requires`", found):
        return None
    knows_keys(requires, ("aivp", "providers"), "`requires`", found)
    if "aivp" in requires.value and not _admits(inner(requires, "aivp"), aivp.__version__, found):
        why = f"The project needs aivp {requires.value['aivp']}; this is {aivp.__version__}."
        found.error("AIVP0127", why, "Install a version that fits.", span=requires.span("aivp"))
    if requires.value.get("providers") is not None:
        providers = inner(requires, "providers")
        if not is_of(providers, "map", "`requires.providers`", found):
            return None
        for name, part in members(providers):
            is_name(providers, name, "a provider", found)
            _admits(part, "0", found)
    return requires


def _admits(part: Declared, version: str, found: Diagnostics) -> bool:
    """True where the version fits, or the specifier is wrong, which is then said."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not is_of(part, "string", "A version requirement", found):
        return True
    try:
        return SpecifierSet(part.value).contains(version, prereleases=True)
    except InvalidSpecifier:
        why = f'"{part.value[:60]}" is not a version requirement.'
        found.error("AIVP0126", why, 'Such as ">=1.2,<2" (PEP 440).', span=part.span())
        return True
