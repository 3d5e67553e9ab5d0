"""A provider made with the SDK, as the program that it becomes: driven over pipes, one message a line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.schemas import validator

SAMPLE = Path(__file__).with_name("sample.py")
TOKEN = {"$aivp": "secret", "origin": {"secret": "token", "version": "1"}, "value": "open-sesame"}


class Provider:
    """The process, and what it said."""

    def __init__(self, directory: Path) -> None:
        pipe = subprocess.PIPE
        self.directory = directory
        self.process = subprocess.Popen([sys.executable, str(SAMPLE)], stdin=pipe, stdout=pipe, stderr=pipe)
        self.number = 0
        self.notes: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, method: str, params: Any, **members: Any) -> int:
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params, **members}
        self.write(json.dumps(message).encode() + b"\n")
        return self.number

    def notify(self, method: str, params: Any) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """The next answer; its items are those of all parts."""
        items: list[Any] = []
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            message: dict[str, Any] = json.loads(line)
            validator("messages").validate(message)
            if message.get("method") == "items":
                items += message["params"]["items"]
            elif "id" not in message:
                self.notes.append(message)
            else:
                if items:
                    message["result"]["items"] = items + message["result"]["items"]
                return message
        raise AssertionError("it ended instead of answering")

    def ask(self, method: str, params: Any, **members: Any) -> dict[str, Any]:
        self.send(method, params, **members)
        return self.hear()

    def initialize(self, capabilities: Any = None, **configuration: Any) -> dict[str, Any]:
        return self.ask(
            "initialize",
            {
                "protocol": {"major": 1, "minor": 0},
                "caller": {"name": "test", "version": "1"},
                "capabilities": {} if capabilities is None else capabilities,
                "configuration": configuration,
                "directory": str(self.directory),
            },
        )

    def end(self) -> tuple[list[dict[str, Any]], str]:
        """Close stdin; what it still says, and its stderr."""
        out, err = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()], err.decode()


Start = Callable[..., Provider]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a provider; `start(False)` leaves it uninitialized."""
    started: list[Provider] = []

    def start(is_initialized: bool = True, **options: Any) -> Provider:
        directory = tmp_path / "directory"
        directory.mkdir(mode=0o700, exist_ok=True)
        found = Provider(directory)
        started.append(found)
        if is_initialized:
            assert "result" in found.initialize(**options)
        return found

    yield start
    for provider in started:
        provider.process.kill()
        provider.process.communicate()


def item(path: Path, text: str | None = None, kind: str = "sample/thing", **members: Any) -> dict[str, Any]:
    config = {"path": str(path)} if text is None else {"path": str(path), "text": text}
    return {"id": path.name, "kind": kind, "identity": {"path": str(path)}, "config": config, **members}


def order(path: Path, text: str, kind: str = "sample/thing", action: str = "create") -> dict[str, Any]:
    return item(path, text, kind, action=action, seen={"observed": None}, changes=[])


def classes(answer: dict[str, Any]) -> list[str]:
    """What became of each item."""
    return [found["error"]["class"] if "error" in found else "done" for found in answer["result"]["items"]]


def test_handshake_names_what_the_manifest_names(start: Start) -> None:
    provider = start(False)
    refused = provider.ask("observe", {"items": []})
    assert refused["error"]["code"] == -32600
    old = provider.ask("initialize", {"protocol": {"major": 9, "minor": 0}})
    assert (old["error"]["code"], old["error"]["data"]) == (1, {"majors": [1]})
    result = provider.initialize()["result"]
    assert result["provider"] == {"name": "sample", "version": "1.0.0"}
    assert result["kinds"] == {"sample/abreast": 1, "sample/batch": 1, "sample/thing": 1}
    assert result["capabilities"] == {"cancel": True, "list": True, "upgrade": False}


def test_it_is_initialized_once_and_not_after_shutdown(start: Start, tmp_path: Path) -> None:
    provider = start()
    assert provider.initialize()["error"]["code"] == -32600
    assert provider.ask("shutdown", {})["result"] == {}
    for method in ("observe", "initialize", "shutdown"):
        assert provider.ask(method, {"items": [item(tmp_path / "a")]})["error"]["code"] == -32600
    provider.end()


def test_configuration_arrives_as_its_dataclass_and_its_secret_is_never_said(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"log": True}, token=TOKEN)
    provider.ask("apply", {"key": "r/1", "items": [order(tmp_path / "a", "shout")]})
    (note,) = provider.notes
    assert note["params"] == {"request": 2, "id": "a", "level": "warning", "message": "I am (secret) in here"}
    said, stderr = provider.end()
    assert said == []
    assert "open-sesame" not in stderr
    assert sorted(stderr.splitlines()) == ["neither is this", "this is not protocol"]


def test_configuration_that_it_cannot_work_with_is_error_2_with_the_field(start: Start) -> None:
    provider = start(False)
    error = provider.initialize(region="nowhere", token=TOKEN)["error"]
    assert error["code"] == 2
    assert error["data"] == {
        "class": "permanent",
        "message": "there is no region nowhere for (secret)",
        "path": "/region",
        "mend": "Choose another.",
    }
    assert provider.ask("list", {"kind": "sample/thing"})["error"]["code"] == -32600
    assert provider.initialize(regoin="x")["error"]["code"] == -32602
    assert "result" in provider.initialize()


def test_answers_are_in_order_and_each_item_has_its_own(start: Start, tmp_path: Path) -> None:
    provider = start()
    texts = ["a", "bad", "later", "busy", "b"]
    items = [order(tmp_path / str(number), text) for number, text in enumerate(texts)]
    answer = provider.ask("apply", {"key": "r/1", "items": items})
    assert classes(answer) == ["done", "permanent", "temporary", "rate_limited", "done"]
    found = [each.get("error") for each in answer["result"]["items"]]
    assert [each["id"] for each in answer["result"]["items"]] == ["0", "1", "2", "3", "4"]
    assert found[1] == {
        "class": "permanent",
        "message": "it cannot be so",
        "path": "/text",
        "mend": "Say something else.",
    }
    assert (found[2]["delay_ms"], found[3]["delay_ms"]) == (1500, 3000)
    assert answer["result"]["items"][4]["outputs"] == {"size": 1}


def test_long_answers_come_in_parts_and_one_that_fits_no_line_is_an_error(start: Start, tmp_path: Path) -> None:
    provider = start()
    for number in range(3):
        (tmp_path / str(number)).write_text("x" * 1_500_000)
    paths = [tmp_path / str(number) for number in range(3)]
    answer = provider.ask("observe", {"items": [item(path) for path in paths]})
    assert [len(each["observation"]["observed"]["text"]) for each in answer["result"]["items"]] == [1_500_000] * 3
    (tmp_path / "1").write_text("x" * 5_000_000)
    answer = provider.ask("observe", {"items": [item(path) for path in paths]})
    assert classes(answer) == ["done", "permanent", "done"]
    assert "too long for a message" in answer["result"]["items"][1]["error"]["message"]


def test_cancel_is_heard_between_items(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"progress": True})
    number = provider.send("apply", {"key": "r/1", "items": [order(tmp_path / c, "wait 0.5") for c in "abc"]})
    provider.notify("cancel", {"request": number})
    assert classes(provider.hear()) in (["done", "canceled", "canceled"], ["canceled"] * 3)
    assert not (tmp_path / "c").exists()
    assert classes(provider.ask("apply", {"key": "r/2", "items": [order(tmp_path / "c", "x")]})) == ["done"]


def test_cancel_is_heard_between_parts_of_a_large_batch(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"log": True})
    items = [order(tmp_path / str(number), "wait 0.002", "sample/batch") for number in range(250)]
    number = provider.send("apply", {"key": "r/1", "items": items})
    provider.notify("cancel", {"request": number})
    found = classes(provider.hear())
    assert found == sorted(found, reverse=True)
    assert found[-1] == "canceled"
    assert all(note["params"]["message"] == "100 together" for note in provider.notes)


def abreast(path: Path, text: str) -> dict[str, Any]:
    return order(path, text, "sample/abreast")


def test_slow_kinds_act_side_by_side(start: Start, tmp_path: Path) -> None:
    """Each with a session of its own; no more at once than it says."""
    provider = start(capabilities={"progress": True})
    texts = ["wait 1", "bug", "wait 1.001", "bad", "wait 1.002", "later"]
    begun = time.monotonic()
    answer = provider.ask("apply", {"key": "r/1", "items": [abreast(tmp_path / text, text) for text in texts]})
    assert time.monotonic() - begun < 2.5
    assert classes(answer) == ["done", "bug", "done", "permanent", "done", "temporary"]
    assert [item["id"] for item in answer["result"]["items"]] == texts
    told = [note["params"]["id"] for note in provider.notes if note["method"] == "progress"]
    assert sorted(told) == ["wait 1", "wait 1.001", "wait 1.002"]


def test_effects_of_those_side_by_side_are_their_own(start: Start, tmp_path: Path) -> None:
    provider = start()
    made = [abreast(tmp_path / name, "sleep 0.1") for name in "abcd"]
    for item in made:
        item["config"]["text"] = f"sleep 0.1 # {tmp_path.name}"
    for _ in range(2):
        assert classes(provider.ask("apply", {"key": "r/1", "items": made})) == ["done"] * 4
    assert [(tmp_path / f"{name}.done").read_text() for name in "abcd"] == ["x\n"] * 4


def test_a_cancel_is_heard_in_the_middle_of_those_side_by_side(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"progress": True})
    items = [abreast(tmp_path / str(number), "until it stops") for number in range(5)]
    number = provider.send("apply", {"key": "r/1", "items": items})
    time.sleep(0.3)
    provider.notify("cancel", {"request": number})
    assert classes(provider.hear()) == ["done"] * 3 + ["canceled"] * 2
    assert not (tmp_path / "3").exists()


def test_what_is_under_way_may_give_up_when_it_is_canceled(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"progress": True})
    number = provider.send("apply", {"key": "r/1", "items": [order(tmp_path / "a", "until it stops and give up")]})
    time.sleep(0.3)
    provider.notify("cancel", {"request": number})
    (item,) = provider.hear()["result"]["items"]
    assert (item["error"]["class"], item["error"]["message"]) == ("canceled", "left as it is")


def test_deadline_is_the_limit_of_effects(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"log": True})
    provider.ask("apply", {"key": "r/1", "deadline_ms": 60_000, "items": [order(tmp_path / "a", "timeout")]})
    provider.ask("apply", {"key": "r/2", "items": [order(tmp_path / "a", "timeout")]})
    assert [note["params"]["message"] for note in provider.notes] == ["60 s left", "no limit"]
    begun = time.monotonic()
    provider.ask("apply", {"key": "r/3", "deadline_ms": 300, "items": [order(tmp_path / "b", "sleep 60")]})
    assert time.monotonic() - begun < 10
    assert provider.ask("apply", {"key": "r/4", "deadline_ms": "soon", "items": []})["error"]["code"] == -32602


def test_end_of_stdin_finishes_the_item_in_hand_and_starts_no_other(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"progress": True})
    provider.send("apply", {"key": "r/1", "items": [order(tmp_path / c, "wait 1") for c in "abc"]})
    assert provider.process.stdout is not None
    assert json.loads(provider.process.stdout.readline())["method"] == "progress"
    (answer,), _ = provider.end()
    assert classes(answer) == ["done", "canceled", "canceled"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "directory"]


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b'{"x": "' + b"y" * 5_000_000 + b'"}\n', b"\xff\xfe\n"])
def test_a_line_that_is_no_message_ends_the_session(start: Start, line: bytes) -> None:
    provider = start()
    try:
        provider.write(line)
    except BrokenPipeError:
        pass
    assert provider.process.wait(10) == 0


def test_requests_of_another_form_are_refused_whole_and_the_next_is_answered(start: Start, tmp_path: Path) -> None:
    provider = start()
    good, path = order(tmp_path / "a", "x"), tmp_path / "b"
    wrong: list[tuple[str, Any, int]] = [
        ("frobnicate", {}, -32601),
        ("observe", [], -32602),
        ("observe", {}, -32602),
        ("observe", {"items": [item(path)] * 10_001}, -32602),
        ("observe", {"items": [{**item(path), "config": {"path": "/x", "colour": "red"}}]}, -32602),
        ("observe", {"items": [{**item(path), "prior": 1}]}, -32602),
        ("apply", {"items": [good]}, -32602),
        ("apply", {"key": "r/1", "items": [good, {**good, "action": "destroy"}]}, -32602),
        ("apply", {"key": "r/1", "items": [good, item(path, "x", action="create")]}, -32602),
        ("apply", {"key": "r/1", "items": [good, {**good, "changes": [{"op": "add"}]}]}, -32602),
        ("list", {"kind": "sample/none"}, -32602),
    ]
    for method, params, code in wrong:
        assert provider.ask(method, params)["error"]["code"] == code, (method, str(params)[:200])
    assert not (tmp_path / "a").exists()
    assert provider.ask("observe", {}, id="text")["error"]["code"] == -32600
    assert classes(provider.ask("observe", {"items": [item(path)]})) == ["done"]


@pytest.mark.parametrize("method", ["observe", "apply"])
def test_a_bug_is_an_error_of_its_item_that_says_where_and_not_what(start: Start, tmp_path: Path, method: str) -> None:
    provider = start()
    items = [order(tmp_path / "b", "milk"), order(tmp_path / "a", "bug"), order(tmp_path / "c", "odd")]
    answer = provider.ask(method, {"key": "r/1", "items": [*items, order(tmp_path / "d", "tea")]})
    assert classes(answer) == ["done", "bug", "bug", "done"]
    found = [item["error"]["message"] for item in answer["result"]["items"][1:3]]
    assert found[0].startswith("KeyError at sample.py:")
    assert found[1].startswith("NotCanonical")
    assert "swordfish" not in json.dumps(answer)
    if method == "apply":
        assert (tmp_path / "d").read_text() == "tea"
    assert classes(provider.ask("observe", {"items": [item(tmp_path / "a")]})) == ["done"]
    assert "swordfish" not in provider.end()[1]


def test_a_list_that_cannot_be_had_is_error_2(start: Start, tmp_path: Path) -> None:
    provider = start(region=str(tmp_path / "none"))
    error = provider.ask("list", {"kind": "sample/thing"})["error"]
    assert (error["code"], error["data"]["class"], error["data"]["delay_ms"]) == (2, "temporary", 2000)
    provider = start(region=str(tmp_path / "directory"))
    (tmp_path / "directory" / "b").write_text("milk")
    (listed,) = provider.ask("list", {"kind": "sample/thing"})["result"]["items"]
    assert listed["identity"] == {"path": str(tmp_path / "directory" / "b")}


def test_secrets_of_a_thing_come_back_as_verdicts_and_origins(start: Start, tmp_path: Path) -> None:
    provider = start(capabilities={"log": True, "progress": True})
    found = item(tmp_path / "a")
    found["config"]["text"] = TOKEN
    provider.ask("apply", {"key": "r/1", "items": [{**found, "action": "create", "seen": {"observed": None}}]})
    assert (tmp_path / "a").read_text() == "open-sesame"
    (seen,) = provider.ask("observe", {"items": [found]})["result"]["items"]
    assert seen["observation"]["observed"]["text"] == {"$aivp": "verdict", "matches": True}
    assert seen["observation"]["normalised"]["text"] == {"$aivp": "secret", "origin": TOKEN["origin"]}


def test_progress_and_log_need_the_capability(start: Start, tmp_path: Path) -> None:
    quiet, heard = start(), start(capabilities={"progress": True})
    for provider in (quiet, heard):
        provider.ask("apply", {"key": "r/1", "items": [order(tmp_path / "a", "wait 0")]})
        provider.ask("apply", {"key": "r/2", "items": [order(tmp_path / "a", "timeout")]})
    assert quiet.notes == []
    (note,) = heard.notes
    assert note["params"] == {"request": 2, "id": "a", "message": "waiting", "done": 1, "total": 2}


def test_an_effect_happens_once_per_key_across_a_kill_until_it_is_forgotten(start: Start, tmp_path: Path) -> None:
    params = {"key": "6f1c/step/1", "items": [order(tmp_path / "a", "sleep 1")]}
    first = start()
    first.send("apply", params)
    done = tmp_path / "a.done"
    while not done.exists():
        time.sleep(0.01)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert not (tmp_path / "a").exists()
    second = start()
    assert classes(second.ask("apply", params)) == ["done"]
    assert done.read_text() == "x\n"
    assert (tmp_path / "a").read_text() == "sleep 1"
    effects = tmp_path / "directory" / "effects"
    assert len(list(effects.iterdir())) == 1
    second.notify("forget", {"prefix": "6f1c/"})
    second.ask("observe", {"items": [item(tmp_path / "a")]})
    assert list(effects.iterdir()) == []
    assert classes(second.ask("apply", {**params, "key": "6f1d/step/1"})) == ["done"]
    assert done.read_text() == "x\nx\n"
