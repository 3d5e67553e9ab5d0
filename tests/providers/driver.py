"""Drives a provider as the engine does: configuration in, decision and outcome out, then looked at again.

Dictionaries go over the wire's own codec even in-process, so what passes here passes a pipe. `HostDriver` talks to a
provider in this process, `RemoteDriver` to one that it ships over a byte channel to a host that has only python3:

    with HostDriver(Provider("host", "0.1.0", [FileKind()]), tmp_path / "shim") as driver:
        done = driver.converge("file", {"path": "/tmp/x", "content": "hello\\n"})
        done.check()                        # applied, the effect is the prediction, the second look finds nothing to do
        assert done.decision.action == "create"
"""

from __future__ import annotations

import base64
import io
import itertools
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from aivp_contract.canonical import decode, encode_wire
from aivp_contract.diff import Decision, compare, decide, declares_absence, managed_digest
from aivp_contract.lines import read_message, write_message
from aivp_contract.manifest import Kind
from aivp_contract.normal import normal
from aivp_contract.observation import Observation, read_observation
from aivp_contract.values import Json
from aivp_sdk import Provider
from aivp_sdk.process import Session
from aivp_sdk.shim import Shim

Config = Mapping[str, Json]

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("contract/aivp_contract", "sdk/aivp_sdk", "host/aivp_host")


class Failed(AssertionError):
    """The provider answered with an error; `error` is what the protocol carries: class, message, path, mend."""

    def __init__(self, error: Mapping[str, Json]) -> None:
        super().__init__(f"{error['class']}: {error['message']}")
        self.error = error


@dataclass(frozen=True)
class Convergence:
    """One pass: what was there, what had to be done, what came of it, and what a second look decides."""

    kind: Kind
    config: Config
    before: Observation
    decision: Decision
    outcome: dict[str, Json] | None
    after: Observation
    again: Decision

    def __iter__(self) -> Any:
        """`decision, outcome, again = converge(…)`"""
        return iter((self.decision, self.outcome, self.again))

    def check(self) -> Convergence:
        """Assert that a second look decides no-op and that the effect equals the prediction; answers itself."""
        assert self.again.action == "no-op", [change.form() for change in self.again.changes]
        self.check_prediction()
        return self

    def check_prediction(self) -> None:
        """What the observation before the effect said of the managed fields is what is there now."""
        if self.decision.action == "no-op" or declares_absence(self.config):
            return
        wanted = self.config if self.before.normalised is None else self.before.normalised
        assert self.after.observed is not None, "it does not exist"
        broken = list(compare(self.kind, wanted, self.after.observed, wanted))
        assert not broken, f"the effect is not the prediction: {[change.form() for change in broken]}"


class Driver:
    """Everything but the way to the provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._keys = itertools.count(1)

    def call(self, method: str, items: Sequence[Mapping[str, Json]], key: str) -> list[dict[str, Json]]:
        raise NotImplementedError

    def fresh_key(self) -> str:
        """A step key that was not used before."""
        return f"run/step-{next(self._keys)}/1"

    def normal(self, kind: str, config: Config) -> dict[str, Json]:
        """A declaration as the core sends it: values in normal form."""
        return normal(self.provider.described[kind].fields, config)

    def observe_many(
        self, kind: str, configs: Sequence[Config], priors: Sequence[Config | None] | None = None
    ) -> list[dict[str, Json]]:
        """The raw answers: `{id, observation}` or `{id, error}` each."""
        return self.call("observe", self._items(kind, configs, priors), "")

    def observe(self, kind: str, config: Config, prior: Config | None = None) -> Observation:
        """What the provider sees. Raises Failed."""
        return _observation(self.observe_many(kind, [config], [prior])[0])

    def decide(self, kind: str, config: Config, seen: Observation, prior: Config | None = None) -> Decision:
        """What the engine would plan."""
        return decide(self.provider.described[kind], self.normal(kind, config), seen, prior)

    def digest(self, kind: str, config: Config, seen: Observation) -> str:
        """What plan and runner compare."""
        return managed_digest(self.normal(kind, config), seen)

    def apply_many(
        self,
        kind: str,
        configs: Sequence[Config],
        seen: Sequence[Observation],
        decisions: Sequence[Decision],
        *,
        key: str | None = None,
        priors: Sequence[Config | None] | None = None,
    ) -> list[dict[str, Json]]:
        """One `apply` request for all; the raw answers: `{id, outputs}` or `{id, error}` each."""
        items = self._items(kind, configs, priors)
        for item, observation, decision in zip(items, seen, decisions, strict=True):
            item["action"] = decision.action
            item["seen"] = observation.form()
            item["changes"] = [change.form() for change in decision.changes]
        return self.call("apply", items, key or self.fresh_key())

    def apply(
        self,
        kind: str,
        config: Config,
        seen: Observation,
        decision: Decision,
        *,
        key: str | None = None,
        prior: Config | None = None,
    ) -> dict[str, Json]:
        """Carry one decision out, also a delete or refresh: `Decision("delete")`. Raises Failed."""
        return _success(self.apply_many(kind, [config], [seen], [decision], key=key, priors=[prior])[0])

    def converge(
        self, kind: str, config: Config, *, prior: Config | None = None, key: str | None = None
    ) -> Convergence:
        """Observe, decide, apply unless there is nothing to do, observe and decide again. Raises Failed."""
        before = self.observe(kind, config, prior)
        decision = self.decide(kind, config, before, prior)
        outcome, last = None, prior
        if decision.action != "no-op":
            outcome = self.apply(kind, config, before, decision, key=key, prior=prior)
            last = self.normal(kind, config)
        after = self.observe(kind, config, last)
        again = self.decide(kind, config, after, last)
        described = self.provider.described[kind]
        return Convergence(described, self.normal(kind, config), before, decision, outcome, after, again)

    def delete(self, kind: str, config: Config, *, key: str | None = None) -> Observation:
        """Delete what `config` recorded; what a look afterwards sees (its `observed` should be None)."""
        recorded = self.normal(kind, config)
        seen = self.observe(kind, config, recorded)
        self.apply(kind, config, seen, Decision("delete"), key=key, prior=recorded)
        return self.observe(kind, config, recorded)

    def _items(
        self, kind: str, configs: Sequence[Config], priors: Sequence[Config | None] | None
    ) -> list[dict[str, Json]]:
        items: list[dict[str, Json]] = []
        for index, config in enumerate(configs):
            item: dict[str, Json] = {"id": f"{kind}-{index}", "kind": kind, "config": self.normal(kind, config)}
            prior = priors[index] if priors is not None else None
            items.append(item if prior is None else {**item, "prior": dict(prior)})
        return items


class HostDriver(Driver):
    """The provider in this process, its effects under a shim whose records lie in `folder`."""

    def __init__(self, provider: Provider, folder: Path) -> None:
        super().__init__(provider)
        self.shim = Shim.start(folder)
        self.session = Session(self.shim)

    def call(self, method: str, items: Sequence[Mapping[str, Json]], key: str) -> list[dict[str, Json]]:
        request = decode(encode_wire({"items": list(items)}))["items"]
        answers = answer(self.provider, self.session, method, request, key)
        return list(decode(encode_wire({"items": answers}))["items"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shim.close()


class RemoteDriver(Driver):
    """The provider's packages shipped over `channel`, a command that starts another one on the host.

    Nothing but python3 is needed there; what it unpacks lies in a folder of /tmp and goes with the link.
    """

    def __init__(self, provider: Provider, channel: Sequence[str]) -> None:
        super().__init__(provider)
        self.process = subprocess.Popen(
            [*channel, "python3", "-I", "-B", "-c", _BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        kinds = [f"{type(kind).__module__}:{type(kind).__name__}" for kind in provider.kinds.values()]
        self.requests = cast("BinaryIO", self.process.stdin)
        self.answers = cast("BinaryIO", self.process.stdout)
        packed = base64.b64encode(shipment())
        self.requests.write(b"%d\n" % len(packed) + packed)
        write_message(self.requests, {"name": provider.name, "version": provider.version, "kinds": kinds})

    def call(self, method: str, items: Sequence[Mapping[str, Json]], key: str) -> list[dict[str, Json]]:
        write_message(self.requests, {"method": method, "items": list(items), "key": key})
        message = read_message(self.answers)
        assert message is not None, "the provider's process ended"
        return list(message["answers"])

    def close(self) -> None:
        """End the process on the host; what it unpacked is removed."""
        self.requests.close()
        self.process.wait(30)
        self.answers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def converge(driver: Driver, kind: str, config: Config) -> Convergence:
    """One pass that must succeed, hold its prediction, and leave nothing to do."""
    return driver.converge(kind, config).check()


def answer(
    provider: Provider, session: Session, method: str, items: Sequence[Mapping[str, Json]], key: str
) -> list[dict[str, Json]]:
    """One request, on the provider's side. As in the runner, `session.key` is set for an apply only."""
    session.key = key
    try:
        return getattr(provider, method)(items, session)  # type: ignore[no-any-return]
    finally:
        session.key = ""
        session.secrets = []


def shipment() -> bytes:
    """contract, SDK and host provider as a zip of sources."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED:
            root = REPOSITORY / "providers" / package
            for path in sorted(root.rglob("*.py")):
                archive.write(path, str(Path(root.name) / path.relative_to(root)))
        archive.writestr("driver_served.py", _SERVED)
    return packed.getvalue()


def _observation(raw: Mapping[str, Json]) -> Observation:
    if "error" in raw:
        raise Failed(raw["error"])
    return read_observation(raw["observation"])


def _success(raw: dict[str, Json]) -> dict[str, Json]:
    if "error" in raw:
        raise Failed(raw["error"])
    return raw


_BOOTSTRAP = """
import base64, io, os, shutil, sys, tempfile, zipfile
folder = tempfile.mkdtemp(prefix="aivp-driver-")
try:
    packed = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
    zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).extractall(folder)
    sys.path.insert(0, folder)
    import driver_served
    driver_served.serve(os.path.join(folder, "shim"))
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""

_SERVED = """
import importlib
import sys
from pathlib import Path

from aivp_contract.lines import read_message, write_message
from aivp_sdk import Provider
from aivp_sdk.process import Session
from aivp_sdk.shim import Shim


def serve(folder):
    shim = Shim.start(Path(folder))
    session = Session(shim)
    described = read_message(sys.stdin.buffer)
    kinds = []
    for name in described["kinds"]:
        module, _, attribute = name.partition(":")
        kinds.append(getattr(importlib.import_module(module), attribute)())
    provider = Provider(described["name"], described["version"], kinds)
    while True:
        request = read_message(sys.stdin.buffer)
        if request is None:
            shim.close()
            return
        session.key = request["key"]
        answers = getattr(provider, request["method"])(request["items"], session)
        session.key, session.secrets = "", []
        write_message(sys.stdout.buffer, {"answers": answers})
"""
