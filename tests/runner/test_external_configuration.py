"""A third-party provider's real process: secrets of its configuration are those of every request; keys stay keys."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import aivp_sdk
import pytest
from aivp_contract.manifest import read_manifest
from aivp_contract.values import Secret
from aivp_runner import patience
from aivp_runner.conversation import Program
from aivp_runner.external import External
from aivp_runner.faults import Refused

TOKEN = "sesame-0815-token"

BLABBER = '''
import sys
from dataclasses import dataclass
from aivp_sdk import *
from aivp_sdk.serve import serve

@dataclass
class Settings:
    token: str = attribute("t", required=True, sensitive=True)

@dataclass
class Thing:
    name: str = attribute("n", required=True)
    count: str = attribute("a file that a line is added to", default="")
    said: str = attribute("s", computed=True)

class ThingKind(Kind[Thing]):
    """Says what it must not."""
    name = "bad/thing"
    schema = Thing
    identity = ("name",)

    def observe(self, item, session):
        token = session.configuration.token
        sys.stderr.write("log " + token + "\\n")
        if item.desired.name == "error":
            raise Permanent("no " + token, mend="not " + token)
        if item.desired.name == "bug":
            import os
            sys.stderr.flush()
            os._exit(3)
        return Observation({"name": item.desired.name}, computed={"said": "it is " + token})

    def apply(self, change, session):
        done = session.effect(["sh", "-c", "echo x >> %s; test $(wc -l < %s) -ge 3" % ((change.desired.count,) * 2)])
        if not done.ok:
            raise Temporary("not yet " + session.configuration.token)
        return Done({"said": session.configuration.token})

    def list(self, within, session):
        if session.configuration.token.startswith("limit"):
            raise RateLimited("wait, " + session.configuration.token, delay=7)
        return [Listed({"name": "x " + session.configuration.token})]

PROVIDER = Provider("bad", "1", [ThingKind()], Settings)
if __name__ == "__main__":
    serve(PROVIDER)
'''


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST", 0.02)


class Started:
    """The provider above, and what it had to say to people."""

    def __init__(self, folder: Path, token: str) -> None:
        self.told: list[Any] = []
        (folder / "provider.py").write_text(BLABBER)
        sys.path.insert(0, str(folder))
        try:
            sys.modules.pop("provider", None)
            import provider  # type: ignore[import-not-found]

            manifest = read_manifest(provider.PROVIDER.manifest())
        finally:
            sys.path.remove(str(folder))
        folder.joinpath("own").mkdir()
        paths = [str(Path(aivp_sdk.__file__).parents[1])]
        paths.append(paths[0].replace("/sdk", "/contract"))
        run = f"import sys, runpy; sys.path[:0] = {paths!r}; runpy.run_path({str(folder / 'provider.py')!r}, "
        run += "run_name='__main__')"
        secret = Secret({"secret": "t", "version": "1"}, token)
        program = Program(manifest, [sys.executable, "-c", run], str(folder / "own"), {"token": secret})
        self.external = External(program, lambda method, params: self.told.append((method, params)))


@pytest.fixture
def started(tmp_path: Path) -> Any:
    found = Started(tmp_path, TOKEN)
    yield found
    found.external.close()


def item(name: str, **config: str) -> dict[str, Any]:
    return {"id": name, "kind": "bad/thing", "identity": {"name": name}, "config": {"name": name, **config}}


def test_no_answer_holds_a_secret_of_the_configuration(started: Started) -> None:
    found = started.external.observe([item("fine"), item("error")])
    assert found[0]["observation"]["computed"] == {"said": "it is (secret)"}
    assert found[1]["error"] == {"class": "permanent", "message": "no (secret)", "mend": "not (secret)"}
    assert started.external.list("bad/thing", {})[0]["attributes"] == {"name": "x (secret)"}
    assert TOKEN not in json.dumps(started.told)


def test_its_last_words_hold_none_either(started: Started) -> None:
    (found,) = started.external.observe([item("bug")])
    assert found["error"]["class"] == "bug"
    assert "log (secret)" in found["error"]["message"]
    assert TOKEN not in json.dumps(found)


def test_a_list_that_fails_outside_says_so_without_them(tmp_path: Path) -> None:
    started = Started(tmp_path, "limit-4711")
    with pytest.raises(Refused) as caught:
        started.external.list("bad/thing", {})
    assert (str(caught.value), caught.value.error["class"]) == ("wait, (secret)", "rate_limited")
    started.external.close()


def test_a_command_runs_again_where_its_failure_was_for_the_moment(started: Started, tmp_path: Path) -> None:
    """Under the same key: so it is the provider's own records that must let go of it."""
    change = {**item("a", count=str(tmp_path / "count")), "action": "create", "seen": {"observed": None}, "changes": []}
    (found,) = started.external.apply([change], "run/a/1", None)
    assert found == {"id": "a", "outputs": {"said": "(secret)"}}
    assert (tmp_path / "count").read_text() == "x\n" * 3
    (found,) = started.external.apply([change], "run/a/1", None)
    assert (tmp_path / "count").read_text() == "x\n" * 3


def test_a_configuration_that_cannot_be_worked_with_is_no_bug(tmp_path: Path) -> None:
    program = """import json, sys
for line in sys.stdin:
    data = {"class": "permanent", "message": "this url leads nowhere", "path": "/url"}
    error = {"code": 2, "message": "x", "data": data}
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "error": error}), flush=True)
"""
    document = {
        "manifest": 1,
        "name": "no",
        "version": "1",
        "kinds": {"no/thing": {"schema": {"properties": {"name": {}}}, "identity": ["name"]}},
    }
    (tmp_path / "own").mkdir()
    external = External(
        Program(read_manifest(document), [sys.executable, "-c", program], str(tmp_path / "own")), lambda *_: None
    )
    (found,) = external.observe([{"id": "a", "kind": "no/thing", "identity": {"name": "a"}, "config": {"name": "a"}}])
    assert found["error"] == {
        "class": "permanent",
        "message": "the provider no cannot work with its configuration at /url: this url leads nowhere",
    }
    external.close()
