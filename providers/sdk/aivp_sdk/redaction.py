"""The one place where values derived from secrets are opened for a provider and kept from leaving the host."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from aivp_contract import diff, manifest
from aivp_contract.concealment import without
from aivp_contract.observation import Observation
from aivp_contract.values import Json, Secret, Verdict, contains, replace

from .errors import ProviderError


class Redaction:
    """One item of a request: `plain` is its config with secrets opened, `refusal` why it cannot be worked on.

    hidden: declared fields that hold secrets or are sensitive. tainted: fields that held secrets before, so that what
    is there may still be one. secrets: what must not leave, those of the provider's configuration (`standing`) among
    them; shared: those of the whole request. has_found: a secret was taken out of a value.
    """

    def __init__(self, kind: manifest.Kind, raw: Mapping[str, Json], standing: Iterable[str] = ()) -> None:
        self.config: Mapping[str, Json] = raw["config"]
        self.secrets: List[str] = list(standing)
        self.shared: Iterable[str] = ()
        self.refusal: Optional[ProviderError] = None
        self.has_found = False
        self.plain: Mapping[str, Json] = self.config
        self.tainted = frozenset(raw.get("tainted", ()))
        self.hidden = kind.sensitive.intersection(self.config) if kind.sensitive else kind.sensitive
        if not contains(self.config, (Secret,)):
            return
        self.plain = replace(dict(self.config), (Secret,), self._open)
        secret = [name for name in sorted(self.config) if contains(self.config[name], (Secret,))]
        self.hidden = self.hidden.union(secret)
        for name in secret:
            if name in kind.fields and kind.fields[name].exposed:
                self.refusal = ProviderError("a secret would be visible to other users of this host", path=f"/{name}")

    def _open(self, value: Secret) -> Json:
        if value.value is None:
            self.refusal = ProviderError("a secret came without its value")
            return ""
        self.secrets += [text for text in (value.value, *value.parts) if text]
        return value.value

    def mask(self, seen: Observation) -> Observation:
        """Values of hidden fields become verdicts; what the provider normalised of them goes back to its origin."""
        if not (self.secrets or self.hidden or self.tainted):
            return seen
        wanted = self.plain if seen.normalised is None else seen.normalised
        observed = seen.observed
        if observed is not None:
            observed = {name: self._observed(name, wanted.get(name), value) for name, value in observed.items()}
        normalised = seen.normalised
        if normalised is not None:
            normalised = {
                name: self.config.get(name, value)
                if name in self.hidden
                else self._beside(self.config.get(name), value)
                for name, value in normalised.items()
            }
        return Observation(observed, normalised, seen.replace, self.fields(seen.computed), seen.satisfied)

    def _observed(self, name: str, wanted: Json, value: Json) -> Json:
        if name not in self.hidden and name not in self.tainted:
            return self._beside(self.config.get(name), value)
        return value if isinstance(value, Verdict) else Verdict(diff.same(wanted, value))

    def _beside(self, declared: Json, value: Json) -> Json:
        """`value` without secrets. What stands there in the declaration itself tells nothing, even where a secret has
        the same text: taken out, it would never be as declared.
        """
        if not self.secrets or (declared is not None and diff.same(declared, value)):
            return value
        if type(value) is dict and type(declared) is dict:
            return {
                key if key in declared else self.clean(key): self._beside(declared.get(key), item)
                for key, item in value.items()
            }
        if type(value) is list and type(declared) is list:
            return [item if item in declared else self.clean(item) for item in value]
        return self.clean(value)

    def fields(self, values: Mapping[str, Json]) -> Dict[str, Json]:
        """Values by field, cleaned. Names of fields are no secret, even where one is spelled like a part of them."""
        return {name: self.clean(value) for name, value in values.items()}

    def clean(self, value: Json) -> Json:
        """`value` with every secret inside its texts replaced."""
        if not self.secrets:
            return value
        if type(value) is str:
            text = without(value, self.secrets)
            self.has_found |= text != value
            return text
        if type(value) is dict:
            return {self.clean(key): self.clean(item) for key, item in value.items()}
        if type(value) is list:
            return [self.clean(item) for item in value]
        return value

    def redact(self, text: str) -> str:
        """`text` without the secrets of this request."""
        return without(text, {*self.secrets, *self.shared})


def watching(
    kind: manifest.Kind, items: Sequence[Mapping[str, Json]], standing: Sequence[str] = ()
) -> List[Optional[Redaction]]:
    """What watches over each item of a request; None where nothing in all of it has to be hidden, as in most."""
    if standing or kind.sensitive or any(contains(raw["config"], (Secret,)) or raw.get("tainted") for raw in items):
        return [Redaction(kind, raw, standing) for raw in items]
    return [None] * len(items)


def opened(value: Json) -> Tuple[Json, List[str]]:
    """`value` with its secrets opened, and what must not be said because of that."""
    secrets: List[str] = []

    def plain(secret: Secret) -> Json:
        secrets.extend(text for text in (secret.value, *secret.parts) if text)
        return secret.value or ""

    return replace(value, (Secret,), plain), sorted(set(secrets))
