"""Hosting providers: which provider serves a kind, and the call of it with every bug turned into an answer."""

from __future__ import annotations

import importlib
import traceback
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from aivp_contract.manifest import Kind
from aivp_contract.values import Json
from aivp_sdk import Provider
from aivp_sdk.process import Session

Answers = List[Dict[str, Json]]


class Hosting:
    """First-party providers of the archive, imported when a kind of theirs is first met."""

    def __init__(self, packages: Mapping[str, str], session: Session) -> None:
        """`packages`: kind → module whose `PROVIDER` serves it."""
        self.packages = packages
        self.session = session
        self.loaded: Dict[str, Provider] = {}

    def kind(self, name: str) -> Kind:
        """The description of a kind. Raises KeyError for one that nobody serves."""
        return self._provider(name).described[name]

    def observe(self, items: Sequence[Mapping[str, Json]]) -> Answers:
        """One answer per item, in order: `{id, observation}` or `{id, error}`."""
        self.session.key = ""
        return self._by_provider(items, lambda provider, group: provider.observe(group, self.session))

    def apply(self, items: Sequence[Mapping[str, Json]], key: str, timeout: Optional[float] = None) -> Answers:
        """One answer per item, in order: `{id, outputs}` or `{id, error}`.

        `key` makes effects happen once; `timeout` in seconds is for those that have none of their own.
        """
        self.session.key, self.session.timeout = key, timeout
        try:
            return self._by_provider(items, lambda provider, group: provider.apply(group, self.session))
        finally:
            self.session.key, self.session.timeout = "", None
            self.session.secrets = []

    def list(self, kind: str) -> Answers:
        """Everything of a kind that exists here."""
        return self._provider(kind).list(kind, self.session)

    def _provider(self, kind: str) -> Provider:
        module = self.packages[kind]
        if module not in self.loaded:
            found: Any = importlib.import_module(module)
            self.loaded[module] = found.PROVIDER
        return self.loaded[module]

    def _by_provider(
        self, items: Sequence[Mapping[str, Json]], call: Callable[[Provider, Sequence[Mapping[str, Json]]], Answers]
    ) -> Answers:
        groups: Dict[str, List[int]] = {}
        for index, item in enumerate(items):
            groups.setdefault(self.packages[item["kind"]], []).append(index)
        answers: Dict[int, Dict[str, Json]] = {}
        for indices in groups.values():
            group = [items[index] for index in indices]
            try:
                found = call(self._provider(group[0]["kind"]), group)
            except Exception as error:  # noqa: BLE001  # a process boundary: a provider's bug is an answer, never the runner's end
                found = [{"id": item["id"], "error": _bug(error)} for item in group]
            answers.update(zip(indices, found))
        return [answers[index] for index in range(len(items))]


def _bug(error: Exception) -> Dict[str, Json]:
    """Where a provider failed. The text of the exception stays here: it may hold what must not leave."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return {"class": "bug", "message": f"{type(error).__name__} at {places}"}
