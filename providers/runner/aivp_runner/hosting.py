"""Hosting providers: who serves a kind, and the call of it with every fault turned into an answer.

First-party providers live in this process, imported from the archive when a kind of theirs is first met. Third-party
code never does: `External` is its process.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from aivp_contract.manifest import Kind
from aivp_contract.values import Json
from aivp_sdk import Provider, ProviderError
from aivp_sdk.process import Session
from aivp_sdk.provider import error_form

from .external import External

Answers = List[Dict[str, Json]]
Items = Sequence[Mapping[str, Json]]
Server = Union[Provider, External]


class Hosting:
    """All providers of one session. `packages`: kind → module whose `PROVIDER` serves it."""

    def __init__(self, packages: Mapping[str, str], session: Session) -> None:
        self.packages = packages
        self.session = session
        self.loaded: Dict[str, Provider] = {}
        self.externals: Dict[str, External] = {}

    def add(self, external: External) -> None:
        """A third-party provider, from now on asked about its kinds."""
        self.externals.update(dict.fromkeys(external.described, external))

    def kind(self, name: str) -> Kind:
        """The description of a kind. Raises KeyError for one that nobody serves."""
        return self._server(name).described[name]

    def observe(self, items: Items) -> Answers:
        """One answer per item, in order: `{id, observation}` or `{id, error}`."""
        self.session.key = ""

        def look(server: Server, group: Items) -> Answers:
            return server.observe(group) if isinstance(server, External) else server.observe(group, self.session)

        return self._by_server(items, look)

    def apply(self, items: Items, key: str, timeout: Optional[float] = None) -> Answers:
        """One answer per item, in order: `{id, outputs}` or `{id, error}`.

        `key` makes effects happen once; `timeout` in seconds is for those that have none of their own.
        """
        self.session.key, self.session.timeout = key, timeout

        def act(server: Server, group: Items) -> Answers:
            if isinstance(server, External):
                return server.apply(group, key, timeout)
            return server.apply(group, self.session)

        try:
            return self._by_server(items, act)
        finally:
            self.session.key, self.session.timeout = "", None
            self.session.secrets, self.session.effects = [], []

    def list(self, kind: str, within: Mapping[str, Json]) -> Answers:
        """Everything of a kind that exists here: `{id, identity, attributes, name?, note?}`."""
        server = self._server(kind)
        self.session.key = ""
        return server.list(kind, within) if isinstance(server, External) else server.list(kind, within, self.session)

    def upgrade(self, items: Items) -> Answers:
        """One answer per item, in order: `{id, attributes}` or `{id, error}`."""

        def rewrite(server: Server, group: Items) -> Answers:
            if isinstance(server, External):
                return server.upgrade(group)
            return [_upgraded(server, item) for item in group]

        return self._by_server(items, rewrite)

    def forget(self, run: str) -> None:
        """The run is over: no key of it will come again."""
        for external in set(self.externals.values()):
            external.forget(run)

    def close(self) -> None:
        """End every process of a provider."""
        for external in set(self.externals.values()):
            external.close()

    def _server(self, kind: str) -> Server:
        if kind in self.externals:
            return self.externals[kind]
        module = self.packages[kind]
        if module not in self.loaded:
            found: Any = importlib.import_module(module)
            self.loaded[module] = found.PROVIDER
        return self.loaded[module]

    def _by_server(self, items: Items, call: Callable[[Server, Items], Answers]) -> Answers:
        """Hand items over, provider by provider; answers come back in the order of the request."""
        groups: Dict[int, List[int]] = {}
        servers: Dict[int, Server] = {}
        for index, item in enumerate(items):
            server = self._server(item["kind"])
            servers[id(server)] = server
            groups.setdefault(id(server), []).append(index)
        answers: Dict[int, Dict[str, Json]] = {}
        for name, indices in groups.items():
            group = [items[index] for index in indices]
            try:
                found = call(servers[name], group)
            except Exception as error:  # noqa: BLE001  # a process boundary: a provider's bug is an answer, never the runner's end
                found = [{"id": item["id"], "error": _bug(error)} for item in group]
            answers.update(zip(indices, found))
        return [answers[index] for index in range(len(items))]


def _upgraded(server: Provider, item: Mapping[str, Json]) -> Dict[str, Json]:
    try:
        return {"id": item["id"], "attributes": server.upgrade(item["kind"], item["version"], item["attributes"])}
    except ProviderError as error:
        return {"id": item["id"], "error": error_form(error)}
    except Exception as error:  # noqa: BLE001  # as in `_by_server`: of one item
        return {"id": item["id"], "error": _bug(error)}


def _bug(error: Exception) -> Dict[str, Json]:
    """Where a provider failed. The text of the exception stays here: it may hold what must not leave."""
    import traceback  # nobody pays for it before

    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return {"class": "bug", "message": f"{type(error).__name__} at {places}"}
