"""A harness for a provider's own tests: declares things and brings them about as aivp does, over the real messages.

    with Harness(PROVIDER) as h:
        h.create("acme/note", {"path": path, "text": "milk"})
        assert h.plan("acme/note", {"path": path, "text": "milk"}).action == "no-op"

Each apply is verified as the runner does it: what was planned has come true, what was promised holds. No secret comes
back.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from aivp_contract import diff
from aivp_contract.manifest import Kind
from aivp_contract.normal import normal
from aivp_contract.observation import Observation, read_observation
from aivp_contract.values import Json, Secret, Tagged, Unknown, contains, replace

from .dialogue import Dialogue, InProcess, Program
from .provider import Provider

Config = Mapping[str, Json]
H = TypeVar("H", bound="Harness")


class Failed(AssertionError):
    """The provider answered with an error; `error` is what the protocol carries: class, message, path, mend."""

    def __init__(self, error: Mapping[str, Json]) -> None:
        super().__init__(f"{error.get('class', error.get('code'))}: {error['message']}")
        self.error = error


class BrokenPromise(AssertionError):
    """What the provider said, and what came of it, differ."""


@dataclass(frozen=True)
class Applied:
    """What an apply did: `action` is create, update, replace or no-op; `outputs` are the computed fields."""

    action: str
    changes: Tuple[diff.Change, ...]
    outputs: Mapping[str, Json]


def secret(value: str, name: str = "secret") -> Secret:
    """A value as aivp sends it for `${secret.NAME}`."""
    return Secret({"secret": name, "version": "1"}, value)


class Harness:
    """One session with a provider, and what a caller remembers of it.

    argv: a program to start; without it the provider works in this process, over the same messages. Whatever it keeps
    lies in `directory`, which goes with the harness. `notes` holds what it sent as `progress` and `log`.
    """

    def __init__(
        self, provider: Provider, configuration: Optional[Config] = None, argv: Optional[Sequence[str]] = None
    ) -> None:
        self.provider = provider
        self.directory = Path(tempfile.mkdtemp(prefix="aivp-harness-"))
        self.notes: List[Dict[str, Json]] = []
        self._prior: Dict[str, Config] = {}
        self._identity: Dict[str, Config] = {}
        self._numbers = itertools.count(1)
        self._link: Dialogue = InProcess(provider) if argv is None else Program(argv, self.directory)
        params = {
            "protocol": {"major": 1, "minor": 0},
            "caller": {"name": "aivp-harness", "version": "0.1.0"},
            "capabilities": {"progress": True, "log": True},
            "configuration": dict(configuration or {}),
            "directory": str(self.directory),
        }
        try:
            self.request("initialize", params)
        except BaseException:
            self.close()
            raise

    def __enter__(self: H) -> H:  # noqa: PYI019  # Self is not in the library of Python 3.9
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._link.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def observe(self, kind: str, config: Config) -> Observation:
        """What is there. Raises Failed."""
        (item,) = self.request("observe", {"items": [self._item(kind, config)]})["items"]
        return read_observation(_good(item)["observation"])

    def plan(self, kind: str, config: Config) -> diff.Decision:
        """What an apply would do: no-op, create, update or replace, with the changes field by field. Raises Failed."""
        return self._decide(kind, config, self.observe(kind, config))

    def apply(self, kind: str, config: Config) -> Applied:
        """Bring a thing about, and look whether it is as declared. Raises Failed or BrokenPromise."""
        before = self.observe(kind, config)
        decision = self._decide(kind, config, before)
        if decision.action == "no-op":
            return Applied("no-op", (), {})
        if decision.action == "replace":
            self.delete(kind, config)
        action = "update" if decision.action == "update" else "create"
        seen = Observation() if decision.action == "replace" else before
        outputs = self._act(kind, config, action, seen, decision.changes)
        self._remember(kind, config, before, outputs)
        self._verify(kind, config, before, outputs)
        return Applied(decision.action, decision.changes, outputs)

    def create(self, kind: str, config: Config) -> Applied:
        """An apply of a thing that is not there yet."""
        return self._expected("create", kind, config)

    def update(self, kind: str, config: Config) -> Applied:
        """An apply that changes a thing in its place."""
        return self._expected("update", kind, config)

    def delete(self, kind: str, config: Config) -> None:
        """Take a thing away, and look whether it is gone. Raises Failed or BrokenPromise."""
        self._act(kind, config, "delete", self.observe(kind, config), ())
        described = self.provider.described[kind]
        if described.existence == "observed" and self.observe(kind, config).observed is not None:
            raise BrokenPromise(f"{kind} is still there after a delete")
        self._prior.pop(self._name(kind, config), None)

    def refresh(self, kind: str, config: Config) -> Mapping[str, Json]:
        """Something that the thing depends on changed; its outputs. Raises Failed."""
        return self._act(kind, config, "refresh", self.observe(kind, config), ())

    def list(self, kind: str) -> List[Dict[str, Json]]:
        """Everything of a kind that exists. Raises Failed."""
        items: List[Dict[str, Json]] = self.request("list", {"kind": kind})["items"]
        return items

    def request(self, method: str, params: Dict[str, Json]) -> Dict[str, Any]:
        """The result of a request of the protocol, with the items that came before it. Raises Failed."""
        number = next(self._numbers)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        items: List[Json] = []
        for answer in self._link.ask(message):
            self._guard(params, answer)
            if "error" in answer:
                raise Failed(answer["error"].get("data") or answer["error"])
            if "result" in answer:
                result: Dict[str, Any] = answer["result"]
                return {**result, "items": items + result["items"]} if "items" in result else result
            if answer["method"] == "items":
                items += answer["params"]["items"]
            else:
                self.notes.append({"method": answer["method"], **answer["params"]})
        raise AssertionError(f"the provider ended instead of answering {method}")

    def _expected(self, action: str, kind: str, config: Config) -> Applied:
        applied = self.apply(kind, config)
        assert applied.action == action, f"{applied.action}, not {action}: {[c.form() for c in applied.changes]}"
        return applied

    def _decide(self, kind: str, config: Config, seen: Observation) -> diff.Decision:
        prior = self._prior.get(self._name(kind, config))
        return diff.decide(self.provider.described[kind], self._declared(kind, config), seen, prior)

    def _act(
        self, kind: str, config: Config, action: str, seen: Observation, changes: Sequence[diff.Change]
    ) -> Mapping[str, Json]:
        item = {**self._item(kind, config), "action": action, "seen": seen.form()}
        item["changes"] = [change.form() for change in changes]
        params: Dict[str, Json] = {"key": f"harness/{next(self._numbers)}", "items": [item]}
        (answer,) = self.request("apply", params)["items"]
        outputs: Mapping[str, Json] = _good(answer)["outputs"]
        return outputs

    def _remember(self, kind: str, config: Config, before: Observation, outputs: Mapping[str, Json]) -> None:
        """As state does: the managed fields as they were normalised, and an identity that the provider assigned."""
        described, name = self.provider.described[kind], self._name(kind, config)
        self._prior[name] = before.normalised or self._declared(kind, config)
        assigned = {field: outputs[field] for field in described.identity if field in outputs}
        if assigned:
            self._identity[name] = {**self._identity.get(name, {}), **assigned}

    def _verify(self, kind: str, config: Config, before: Observation, outputs: Mapping[str, Json]) -> None:
        after = self.observe(kind, config)
        again = self._decide(kind, config, after)
        if again.action != "no-op":
            changes = [change.form() for change in again.changes]
            raise BrokenPromise(f"after an apply it is not as declared: {again.action} {changes}")
        for name, promised in before.computed.items():
            if isinstance(promised, Unknown):
                continue
            for place, found in (("outputs", outputs), ("observed", after.observed or {})):
                if name in found and found[name] != promised:
                    raise BrokenPromise(f"{name} was promised as {promised!r}, {place} says {found[name]!r}")

    def _item(self, kind: str, config: Config) -> Dict[str, Json]:
        described, name = self.provider.described[kind], self._name(kind, config)
        declared = self._declared(kind, config)
        identity = {field: declared[field] for field in described.identity if field in declared}
        item: Dict[str, Json] = {"id": name, "kind": kind, "config": declared}
        identity.update(self._identity.get(name, {}))
        if identity:
            item["identity"] = identity
        if name in self._prior:
            prior = self._prior[name]
            item["prior"] = replace(dict(prior), (Secret,), lambda value: Secret(value.origin))
            item["tainted"] = sorted(field for field, value in prior.items() if contains(value, (Secret,)))
        return item

    def _declared(self, kind: str, config: Config) -> Dict[str, Json]:
        return normal(self.provider.described[kind].fields, declared(self.provider.described[kind], config))

    def _name(self, kind: str, config: Config) -> str:
        identity = self.provider.described[kind].identity_of(config)
        return f"{kind}.{json.dumps(identity, sort_keys=True)}"

    def _guard(self, params: Json, answer: Mapping[str, Json]) -> None:
        """No secret of a request comes back."""
        said = json.dumps(answer, default=_wire, ensure_ascii=False)
        for value in _secrets(params):
            if value in said:
                raise BrokenPromise(f"a secret is in what it says: {said.replace(value, '(secret)')[:500]}")


def declared(kind: Kind, config: Config) -> Dict[str, Json]:
    """`config` as aivp sends it: without null, and with defaults, but for those that a rule forbids beside it."""
    given = {name: value for name, value in config.items() if value is not None}
    found = dict(given)
    for name, meaning in kind.fields.items():
        if name not in found and meaning.default is not None and not meaning.computed:
            found[name] = meaning.default
    for rule in kind.rules:
        if all(found.get(name) in values for name, values in rule.when.items()):
            found = {name: value for name, value in found.items() if name in given or name not in rule.forbidden}
    return found


def _wire(value: Tagged) -> Dict[str, Json]:
    return value.wire_form()


def _good(item: Dict[str, Any]) -> Dict[str, Any]:
    if "error" in item:
        raise Failed(item["error"])
    return item


def _secrets(value: Json) -> List[str]:
    if isinstance(value, Secret):
        return [value.value] if value.value else []
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return [text for item in inner for text in _secrets(item)]
    return []
