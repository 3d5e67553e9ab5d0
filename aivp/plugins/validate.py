"""Do a resource's attributes fit its kind's schema? The sole door of jsonschema_rs; remote references are refused.

Values that only evidence can fill in (every tagged value) pass at their place: they are stood in for, and whatever is
found at or beneath one, or can only be decided with it, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aivp_contract.manifest import Kind
from aivp_contract.values import Json, Tagged

from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.wording import Violation, word

if TYPE_CHECKING:
    import jsonschema_rs

Path = tuple[str | int, ...]

_UNDECIDED = frozenset({"anyOf", "oneOf", "not", "uniqueItems", "contains", "if", "const", "enum"})
"""Keywords that look at a value as a whole: a deferred part of it leaves them open."""


class Validator:
    """Validators of kinds, compiled when a kind is first met."""

    def __init__(self) -> None:
        self._compiled: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def check(self, kind: Kind, attributes: Mapping[str, Json]) -> list[Violation]:
        """Everything in `attributes` that the schema of `kind` does not admit, by path. Raises Refused (AIVP0310)
        where the schema itself is none.
        """
        compiled = self._compiled.get(kind.name)
        if compiled is None:
            compiled = self._compiled[kind.name] = _compile(kind)
        try:
            if compiled.is_valid(attributes):
                return []
        except ValueError:  # a tagged value is of no JSON type
            pass
        deferred: list[Path] = []
        plain = _stand_in(dict(attributes), (), deferred)
        found = [item for error in compiled.iter_errors(plain) for item in _violations(error, kind, deferred)]
        return sorted(dict.fromkeys(found), key=lambda item: ([str(part) for part in item.path], item.message))


def _compile(kind: Kind) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    linear = jsonschema_rs.RegexOptions()  # an engine that never backtracks, so no look-around in manifests
    try:
        return jsonschema_rs.Draft202012Validator(
            dict(kind.schema), retriever=_refuse_remote, pattern_options=linear, validate_formats=True
        )
    except ValueError as error:
        why = f"The schema of {kind.name} in the manifest of the provider {kind.provider} is broken: {error}"
        raise refusal("AIVP0310", why.splitlines()[0], "This is a bug in the provider; tell its author.") from None


def _refuse_remote(uri: str) -> Json:
    raise ValueError(f"{uri[:100]} lies outside the manifest")


def _stand_in(value: Json, path: Path, deferred: list[Path]) -> Json:
    if isinstance(value, Tagged):
        deferred.append(path)
        return f"\0deferred {len(deferred)}"  # no two alike, for uniqueItems
    if type(value) is dict:
        return {key: _stand_in(item, (*path, key), deferred) for key, item in value.items()}
    if type(value) is list:
        return [_stand_in(item, (*path, index), deferred) for index, item in enumerate(value)]
    return value


def _violations(error: Any, kind: Kind, deferred: Sequence[Path]) -> Iterator[Violation]:
    path = tuple(error.instance_path)
    if any(path[: len(place)] == place for place in deferred):
        return
    if error.kind.name in _UNDECIDED and any(place[: len(path)] == path for place in deferred):
        return
    yield from word(error, kind.schema)
