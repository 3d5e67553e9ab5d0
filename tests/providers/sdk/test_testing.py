"""The harness: what it verifies of a provider, in process and over pipes, and what it remembers as state does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pytest
from aivp_sdk import Change, Done, Item, Kind, Observation, Provider, Session, Unknown, attribute
from aivp_sdk.testing import BrokenPromise, Failed, Harness, secret

from tests.providers.sdk.sample import PROVIDER

KIND = "sample/thing"
SAMPLE = str(Path(__file__).with_name("sample.py"))


@pytest.mark.parametrize("argv", [None, [sys.executable, SAMPLE]], ids=["in-process", "program"])
def test_life_of_a_thing(tmp_path: Path, argv: list[str] | None) -> None:
    config = {"path": f"{tmp_path}/a", "text": "wait 0"}
    with Harness(PROVIDER, argv=argv) as h:
        assert h.plan(KIND, config).action == "create"
        assert h.create(KIND, config).outputs == {"size": 6}
        assert h.notes[0]["message"] == "waiting"
        assert h.apply(KIND, config).action == "no-op"
        with pytest.raises(AssertionError, match="no-op, not update"):
            h.update(KIND, config)
        (change,) = h.update(KIND, {**config, "text": "b"}).changes
        assert (change.path, change.before, change.after) == ("/text", "wait 0", "b")
        with pytest.raises(Failed, match="permanent: it cannot be so") as failed:
            h.apply(KIND, {**config, "text": "bad"})
        assert failed.value.error["path"] == "/text"
        with pytest.raises(Failed, match="KeyError at sample"):
            h.apply(KIND, {**config, "text": "bug"})
        h.delete(KIND, config)
    assert not h.directory.exists()


def test_configuration_that_is_refused() -> None:
    with pytest.raises(Failed) as failed:
        Harness(PROVIDER, {"region": "nowhere", "token": secret("open-sesame")})
    assert failed.value.error["path"] == "/region"


@dataclass
class Thing:
    """The declaration."""

    path: str = attribute("Where it lies.", required=True, semantic="path")
    text: Optional[str] = attribute("What it says.", default="hello")
    mark: Optional[str] = attribute("Whatever it gets.", computed=True)


class LyingKind(Kind[Thing]):
    """A kind that breaks one promise, named by its text."""

    name = "lying/thing"
    schema = Thing
    identity = ("path",)
    there: Optional[str] = None
    asked: tuple[Any, ...] = ()

    def observe(self, item: Item[Thing], session: Session) -> Observation:
        self.asked = (item.prior, item.tainted, item.declared)
        seen = None if self.there is None else {"path": item.desired.path, "text": self.there, "mark": "m"}
        return Observation(seen, computed={"mark": "n" if item.desired.text == "mark" else Unknown()})

    def apply(self, change: Change[Thing], session: Session) -> Done:
        text = change.desired.text
        if change.action == "delete":
            return Done()
        self.there = "something else" if text == "not done" else text
        return Done({"mark": change.desired.text if text and text.startswith("echo") else "m"})


def lying() -> tuple[LyingKind, Provider]:
    kind = LyingKind()
    return kind, Provider("lying", "1", [kind])


@pytest.mark.parametrize(
    ("text", "told"),
    [("not done", "it is not as declared: update"), ("mark", "mark was promised as 'n', outputs says 'm'")],
)
def test_a_broken_promise_is_told(text: str, told: str) -> None:
    with Harness(lying()[1]) as h, pytest.raises(BrokenPromise, match=told):
        h.apply("lying/thing", {"path": "/x", "text": text})


def test_a_thing_that_stays_after_a_delete_is_told() -> None:
    with Harness(lying()[1]) as h:
        h.create("lying/thing", {"path": "/x"})
        with pytest.raises(BrokenPromise, match="still there"):
            h.delete("lying/thing", {"path": "/x"})


def test_it_sends_defaults_and_remembers_what_was_applied_and_tainted() -> None:
    kind, provider = lying()
    with Harness(provider) as h:
        h.create("lying/thing", {"path": "/x//y/", "text": secret("swordfish")})
        h.observe("lying/thing", {"path": "/x//y/"})
        prior, tainted, declared = kind.asked
        assert tainted == {"text"}
        assert prior["path"] == "/x/y"
        assert prior["text"].value is None
        assert declared == ("path", "text")
