"""Which environment is meant, and what its `overrides:` (RFC 7396) make of the declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.config.project import Declared
from aivp.config.sections import MAPS, Declarations
from aivp.config.shape import inner, is_name, is_of, knows_keys, members
from aivp.diagnostics import Diagnostics, Span
from aivp.plugins.suggestion import did_you_mean, listing

DEFAULT = "main"
_KEYS = ("include", "set", "overrides", "state")
_NOT_MAPS = ("values",)


def choose(root: Declared, wanted: str | None, found: Diagnostics) -> tuple[str, Declared | None]:
    """The environment's name and declaration (None where the project has none). Every declared one is checked."""
    if root.value.get("environments") is None:
        if wanted not in (None, DEFAULT):
            why = f"The environment {wanted} is not declared: the project has no `environments`."
            found.error("AIVP0130", why, "Leave -e out, or declare it.")
        return DEFAULT, None
    section = inner(root, "environments")
    if not is_of(section, "map", "`environments`", found):
        return DEFAULT, None
    known = {
        name: _checked(name, part, found)
        for name, part in members(section)
        if is_name(section, name, "an environment", found)
    }
    if wanted is None:
        span = root.key_span("environments")
        found.error(
            "AIVP0130", "The project has environments, and none was chosen.", f"Add -e with {_or(known)}.", span=span
        )
        return DEFAULT, None
    if wanted not in known:
        mend = did_you_mean(wanted, known) or f"Choose {_or(known)}."
        span = root.key_span("environments")
        found.error("AIVP0130", f"The environment {wanted[:60]} is not declared.", mend, span=span)
        return DEFAULT, None
    return wanted, known[wanted]


def apply_overrides(environment: Declared | None, into: Declarations, found: Diagnostics) -> None:
    """Merge the environment's patches into the declarations; each target must exist."""
    if environment is None or environment.value.get("overrides") is None:
        return
    overrides = inner(environment, "overrides")
    if not is_of(overrides, "map", "`overrides`", found):
        return
    known = [name for name in MAPS if name != "variables"]
    for section, part in members(overrides):
        if section == "variables":
            mend = "Write the values of variables under the environment's `set`."
            found.error("AIVP0132", "`overrides` has no `variables`.", mend, span=part.key_span())
        elif section not in known:
            mend = did_you_mean(section, known) or f"Known: {listing(known)}."
            found.error("AIVP0132", f'`overrides` has no section "{section[:60]}".', mend, span=part.key_span())
        elif part.value is not None and is_of(part, "map", f"`overrides.{section}`", found):
            _override(section, part, into.maps[section], found)


def _checked(name: str, part: Declared, found: Diagnostics) -> Declared:
    """The declaration of an environment; one with nothing beneath it, or of a wrong shape, is empty."""
    if part.value is None or not is_of(part, "map", f"The environment {name}", found):
        return Declared({}, part.path, part.spans)
    knows_keys(part, _KEYS, f"The environment {name}", found)
    return part


def _override(section: str, part: Declared, declared: dict[str, Declared], found: Diagnostics) -> None:
    for name, patch in members(part):
        if name not in declared:
            why = f"There is no {name[:80]} under `{section}` to override."
            mend = (
                did_you_mean(name, declared)
                or "Overrides change what is declared; declare a new thing in a file that the environment includes."
            )
            found.error("AIVP0131", why, mend, span=patch.key_span())
        elif patch.value is None:
            del declared[name]
        elif section in _NOT_MAPS or is_of(patch, "map", f"The override of {name}", found):
            base = declared[name]
            declared[name] = Declared(merge(base.value, patch.value), base.path, Overlaid(base, patch))


def merge(target: Json, patch: Json) -> Json:
    """RFC 7396: maps merge member by member, null removes, anything else replaces. Neither argument is changed."""
    if type(patch) is not dict:
        return patch
    merged = dict(target) if type(target) is dict else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


@dataclass(frozen=True, slots=True)
class Overlaid:
    """Spans of a patched declaration: what the patch brought stands in the patch, all else where it stood before."""

    base: Declared
    patch: Declared

    def value(self, path: Sequence[str | int]) -> Span:
        """The place of the value at `path`, which leads from the root of the base's document."""
        part, rest = self._part(path)
        return part.span(*rest)

    def key(self, path: Sequence[str | int]) -> Span:
        """The place of the last key of `path`."""
        part, rest = self._part(path)
        return part.key_span(*rest)

    def _part(self, path: Sequence[str | int]) -> tuple[Declared, tuple[str | int, ...]]:
        rest = tuple(path[len(self.base.path) :])
        before, patch = self.base.value, self.patch.value
        for step in rest:
            if type(patch) is not dict or step not in patch:
                break
            patch = patch[step]
            before = before.get(step) if type(before) is dict else None
        else:
            is_merged = type(patch) is dict and type(before) is dict
            return (self.base if is_merged else self.patch), rest
        return (self.base if type(patch) is dict and type(before) is dict else self.patch), rest


def _or(known: Mapping[str, object]) -> str:
    return listing(known).replace(", ", " or ") if known else "a declared one"
