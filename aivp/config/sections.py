"""Documents → declarations by section. Documents do not merge: a second declaration of anything is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aivp.config.documents import Document
from aivp.config.project import Declared
from aivp.config.shape import is_kind, is_name, is_of, is_resource, knows_keys, members
from aivp.diagnostics import Diagnostics, Related

ROOT_ONLY = ("aivp", "project", "requires", "environments", "state")
_YAML_ONLY = ("include", "variables")
_LISTS = ("moved", "import", "removed")
_Check = Callable[[Declared, str, Diagnostics], bool]


def _named(what: str) -> _Check:
    return lambda part, key, found: is_name(part, key, what, found)


MAPS: Mapping[str, _Check] = {
    "variables": _named("a variable"),
    "values": _named("a value"),
    "defaults": is_kind,
    "secrets": _named("a secret"),
    "hosts": _named("a host"),
    "groups": _named("a group"),
    "resources": is_resource,
    "providers": _named("a provider"),
}
"""Sections that are maps from a name to a declaration, and what their keys must be."""

SECTIONS = (*ROOT_ONLY, *_YAML_ONLY, *_LISTS, *(name for name in MAPS if name not in _YAML_ONLY))

_FREE = ("values", "variables")
"""Sections whose declarations need not be maps, or are looked at elsewhere."""


@dataclass(slots=True)
class Declarations:
    """Everything that is declared, by section. `maps`: section → name → declaration."""

    maps: dict[str, dict[str, Declared]] = field(default_factory=lambda: {name: {} for name in MAPS})
    lists: dict[str, list[Declared]] = field(default_factory=lambda: {name: [] for name in _LISTS})
    broken: set[str] = field(default_factory=set)
    """`section.name` of what is declared in a wrong shape."""


def collect(documents: Iterable[Document], into: Declarations, found: Diagnostics) -> None:
    """Add the declarations of documents, each checked for its outer shape."""
    for document in documents:
        _check_sections(document, found)
        for name, part in members(document.content):
            if part.value is None or name in ROOT_ONLY or (document.origin == "cue" and name in _YAML_ONLY):
                continue
            if name in MAPS and is_of(part, "map", f"`{name}`", found):
                _add(name, part, into, found)
            elif name in _LISTS and is_of(part, "list", f"`{name}`", found):
                entries = [Declared(value, (*part.path, i), part.spans) for i, value in enumerate(part.value)]
                into.lists[name] += [item for item in entries if is_of(item, "map", f"Each entry of `{name}`", found)]


def _check_sections(document: Document, found: Diagnostics) -> None:
    content = document.content
    knows_keys(content, SECTIONS, "A document", found)
    if document.origin == "root":
        return
    for name in ROOT_ONLY:
        if name in content.value:
            why = f"`{name}` stands in the project's aivp.yaml only."
            found.error("AIVP0122", why, "Move it there.", span=content.key_span(name))
    for name in _YAML_ONLY if document.origin == "cue" else ():
        if name in content.value:
            why = f"`{name}` stands in YAML files only: it is needed before CUE is evaluated."
            found.error("AIVP0122", why, "Move it to aivp.yaml.", span=content.key_span(name))


def _add(section: str, part: Declared, declared: Declarations, found: Diagnostics) -> None:
    into = declared.maps[section]
    for name, written in members(part):
        item = written
        if not MAPS[section](part, name, found):
            declared.broken.add(f"{section}.{name}")
            continue
        if section not in _FREE:
            if item.value is None:
                item = Declared({}, item.path, item.spans)  # `file.site:` with nothing beneath it
            if not is_of(item, "map", f"{_singular(section)} {name}", found):
                declared.broken.add(f"{section}.{name}")
                continue
        if name in into:
            first = into[name].key_span()
            why = f"{_singular(section)} {name} is declared twice; documents do not merge."
            mend = "Remove one of the two; an environment's `overrides:` can change a declaration."
            found.error("AIVP0128", why, mend, span=item.key_span(), related=[Related(first, "first declared here")])
        else:
            into[name] = item


def _singular(section: str) -> str:
    return "The defaults of" if section == "defaults" else f"The {section.removesuffix('s')}"
