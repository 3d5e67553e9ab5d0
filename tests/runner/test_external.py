"""Third-party providers that break their contract: an error that names them, in bounded time, and nothing leaks."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.canonical import encode_wire
from aivp_contract.manifest import read_manifest
from aivp_contract.values import Secret
from aivp_runner.conversation import Program
from aivp_runner.external import External
from aivp_runner.faults import Broken, Refused
from aivp_runner.waiting import Limits

SCRIPT = Path(__file__).parent / "misbehaving.py"
SECRET = "hunter22"
TEXT = {"type": "string"}
FIELDS = {
    "path": {**TEXT, "x-aivp": {"semantic": "path"}},
    "text": TEXT,
    "pin": {**TEXT, "x-aivp": {"sensitive": True}},
    "tags": {"type": "array", "items": TEXT},
    "labels": {"type": "object"},
    "size": {"type": "integer"},
    "made": {**TEXT, "x-aivp": {"computed": True}},
}
KIND = {
    "description": "A thing.",
    "identity": ["path"],
    "batch": True,
    "schema": {"type": "object", "additionalProperties": False, "properties": FIELDS, "required": ["path"]},
}
MANIFEST = {
    "manifest": 1,
    "name": "bad",
    "version": "1",
    "protocol": 1,
    "start": {"any": ["python3"]},
    "kinds": {"bad/thing": KIND},
}
QUICK = Limits(start=20, look=1.0, silence=1.0, grace=0.3)


class Bad:
    """The caller's side of a misbehaving provider."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.externals: list[External] = []

    def external(self, fault: str, limits: Limits = QUICK, **configuration: Any) -> External:
        argv = [sys.executable, "-S", str(SCRIPT), fault, str(self.ledger)]
        program = Program(read_manifest(MANIFEST), argv, str(self.folder), configuration)
        found = External(program, lambda method, params: self.told.append((method, params)), limits=limits)
        self.externals.append(found)
        return found

    def error(self, fault: str, method: str = "observe") -> dict[str, Any]:
        """The one error that all items have."""
        found = self.ask(fault, method)
        assert all(answer["error"] == found[0]["error"] for answer in found), found
        error = found[0]["error"]
        assert isinstance(error, dict)
        return error

    def ask(self, fault: str, method: str = "observe", **more: Any) -> list[dict[str, Any]]:
        external = self.external(fault)
        found = (
            external.observe(items(**more)) if method == "observe" else external.apply(items(**more), "run/1/1", 1.0)
        )
        encode_wire(found)  # the engine can be told
        return found

    def lines(self, method: str) -> list[str]:
        return [line for line in self.ledger.read_text().splitlines() if line.startswith(method)]


def items(**more: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "kind": "bad/thing",
            "identity": {"path": f"/{name}"},
            "config": {"path": f"/{name}", "text": "x", **more},
            "action": "create",
            "seen": {"observed": None},
        }
        for name in ("a", "b")
    ]


@pytest.fixture
def bad(tmp_path: Path) -> Iterator[Bad]:
    found = Bad(tmp_path)
    yield found
    for external in found.externals:
        external.close()
    assert not list(tmp_path.glob("tmp-*")), "a temporary folder was left behind"


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


BREACHES = {
    "wrong-kinds": "serves other kinds",
    "wrong-name": "it is worse 1, not bad 1",
    "major-2": "speaks version 2",
    "major-true": "speaks version True",
    "garbage": "no JSON of the protocol",
    "endless-line": "a line longer than 4194304 bytes",
    "many-lists": "takes more than 40 MiB of memory",
    "many-objects": "takes more than 40 MiB of memory",
    "deep": "no JSON of the protocol",
    "nan": "NaN is not JSON",
    "not-json-rpc": "no JSON-RPC 2.0 message",
    "wrong-id": "answered a request that nobody made",
    "true-id": "answered a request that nobody made (True)",
    "missing": "it answered for 1 of 2 items",
    "too-many": "with more than 2 items",
    "reordered": "it answered for b where a was asked about",
    "wrong-item": "it answered for ax where a was asked about",
    "items-no-list": "items that are no list of objects",
    "items-of-texts": "items that are no list of objects",
    "stranger": "normalised of a holds inode, which bad/thing does not have",
    "not-computed": "computed of a holds text, which is not computed",
    "big-integer": "observed/size of a: an integer beyond",
    "surrogate": "/result/items/0/observation/observed/text: text with a lone surrogate",
    "deep-value": "observed/labels of a: more than 100 levels deep",
    "replace-odd": "replace of a names what",
    "replace-stranger": "replace of a names what",
    "odd-blob": "a blob without digest or size",
    "formless": "observed of an observation has the wrong type",
    "error-class": "the error class fatal, which the protocol does not have",
    "error-class-odd": "the error class a list",
    "error-no-message": "an error without a message",
    "error-delay": "a delay that is none",
    "error-surrogate": "/result/items/0/error/message: text with a lone surrogate",
    "show-plainly": "it shows pin of a, where a verdict is due",
    "show-tagged-elsewhere": "normalised/text of a: a secret",
}


@pytest.mark.parametrize("fault", BREACHES)
def test_a_breach_names_the_provider_and_ends_it(bad: Bad, fault: str) -> None:
    more = {"pin": Secret("pin", SECRET)} if fault.startswith("show") else {}
    found = bad.ask(fault, **more)
    assert [answer["id"] for answer in found] == ["a", "b"]
    for answer in found:
        assert answer["error"]["class"] == "bug", answer
        assert answer["error"]["message"].startswith("the provider bad broke its contract: "), answer
        assert BREACHES[fault] in answer["error"]["message"]
    assert SECRET not in str(found)
    assert not bad.externals[0].conversation.is_open


def test_outputs_that_are_not_computed(bad: Bad) -> None:
    assert "outputs of a holds text, which is not computed" in bad.error("outputs-stranger", "apply")["message"]


@pytest.mark.parametrize("method", ["observe", "apply"])
def test_one_that_hangs_costs_its_deadline(bad: Bad, method: str) -> None:
    began = time.monotonic()
    error = bad.error(f"hang-{method}", method)
    assert time.monotonic() - began < 5
    assert error["class"] == ("interrupted" if method == "apply" else "bug")
    assert f"the provider bad does not answer: it gave no answer to {method} within 1 s" in error["message"]
    (line,) = bad.lines("child")
    until = time.monotonic() + 5
    while is_alive(int(line.split()[1])) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(int(line.split()[1])), "what it had started lives on"
    assert len(bad.lines(method)) == 1, "what we gave up is not asked again"


def test_what_left_the_group_lives_on_and_holds_nobody_up(bad: Bad) -> None:
    began = time.monotonic()
    error = bad.error("leaves-somebody")
    assert time.monotonic() - began < 5
    assert "it gave no answer to observe within 1 s" in error["message"]
    (line,) = bad.lines("left")
    assert is_alive(int(line.split()[1]))
    os.kill(int(line.split()[1]), signal.SIGKILL)


def test_one_that_never_reads_costs_its_deadline(bad: Bad) -> None:
    """Its pipe is full long before 4 MiB."""
    began = time.monotonic()
    found = bad.ask("never-reads", text="x" * 2_000_000)
    assert time.monotonic() - began < 5
    assert "it gave no answer to observe within" in found[0]["error"]["message"]


def test_one_that_never_reads_can_be_closed(bad: Bad) -> None:
    external = bad.external("never-reads", Limits(look=0.1, grace=0.1))
    external.conversation.start()
    external.conversation.notify("odd", {"text": "x" * 4_000_000})
    began = time.monotonic()
    external.close()
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("fault", ["dies-once", "closes-once"])
@pytest.mark.parametrize("method", ["observe", "apply"])
def test_one_that_dies_once_is_asked_again(bad: Bad, method: str, fault: str) -> None:
    found = bad.ask(fault, method)
    assert all("error" not in answer for answer in found), found
    key = " run/1/1" if method == "apply" else ""
    assert bad.lines(method) == [method + key] * 2


@pytest.mark.parametrize("method", ["observe", "apply"])
def test_one_that_dies_twice_is_given_up(bad: Bad, method: str) -> None:
    error = bad.error("dies", method)
    assert error["class"] == ("interrupted" if method == "apply" else "bug")
    assert "it exited with status 3; its last words: so ends it" in error["message"]
    assert len(bad.lines(method)) == 2


def test_half_a_line_is_a_death(bad: Bad) -> None:
    assert "it exited with status 0" in bad.error("half-line")["message"]


def test_an_answer_that_comes_twice_fails_the_next_request(bad: Bad) -> None:
    """The first one was right; the second one shows when the next is waited for."""
    external = bad.external("duplicate")
    assert "observation" in external.observe(items())[0]
    assert "answered a request that nobody made" in external.observe(items())[0]["error"]["message"]


@pytest.mark.parametrize("fault", ["flood", "many-parts"])
def test_a_flood_has_an_end(bad: Bad, fault: str) -> None:
    began = time.monotonic()
    message = bad.error(fault)["message"]
    assert time.monotonic() - began < 6
    assert "the provider bad" in message
    assert len(bad.told) < 40


def test_a_log_without_end_is_cut(bad: Bad) -> None:
    found = bad.ask("log-flood")
    assert "observation" in found[0]
    assert len(bad.told) == 200
    assert all(len(params["message"]) == 1000 for _, params in bad.told)


def test_a_gigabyte_of_stderr_harms_nobody(bad: Bad) -> None:
    external = bad.external("stderr-gigabyte", Limits(look=60))
    assert "observation" in external.observe(items())[0]


SHOWN = [
    "observed",
    "normalised",
    "tagged",
    "within",
    "key",
    "computed",
    "unknown",
    "message",
    "path",
    "mend",
    "stranger",
]


@pytest.mark.parametrize("where", SHOWN)
def test_a_secret_does_not_leave(bad: Bad, where: str) -> None:
    found = bad.ask(f"show-{where}", pin=Secret("pin", SECRET))
    assert SECRET not in encode_wire(found).decode()
    told = json.dumps([found[0].get("error"), bad.told])
    assert where in ("tagged", "unknown", "stranger") or "the provider bad showed a secret" in told


def test_a_secret_does_not_leave_with_outputs_or_the_log(bad: Bad) -> None:
    for fault in ("show-outputs", "show-log", "dies", "refuses"):
        found = bad.ask(fault, "apply", pin=Secret("pin", SECRET))
        encode_wire(list(bad.told))
        assert SECRET not in str(found) + str(bad.told), fault
    assert "the provider bad refuses: a bug, (secret)" in str(found)


@pytest.mark.parametrize("fault", ["dies", "refuses", "show-message", "show-log", "show-observed"])
def test_a_secret_of_the_configuration_does_not_leave(bad: Bad, fault: str) -> None:
    external = bad.external(fault, token=Secret("token", SECRET))
    found = external.observe(items())
    assert SECRET not in str(found) + str(bad.told)


def test_a_secret_of_an_earlier_request_does_not_leave(bad: Bad) -> None:
    external = bad.external("show-message")
    external.observe(items(pin=Secret("pin", SECRET)))
    assert SECRET not in str(external.observe(items()))


def test_what_nobody_knows_goes_no_further(bad: Bad) -> None:
    assert all(set(answer) == {"id", "observation"} for answer in bad.ask("none"))
    assert bad.ask("none", "apply") == [{"id": name, "outputs": {"made": "yes"}} for name in ("a", "b")]


def test_a_list_goes_no_further_than_it_is_known(bad: Bad) -> None:
    assert bad.external("none").list("bad/thing") == [
        {"id": "1", "identity": {"path": "/a"}, "attributes": {"path": "/a"}}
    ]


def test_a_list_that_is_none_ends_the_provider(bad: Bad) -> None:
    external = bad.external("list-odd")
    with pytest.raises(Broken, match=r"the provider bad broke its contract: an item of a list without identity"):
        external.list("bad/thing")
    assert not external.conversation.is_open
    with pytest.raises(Refused, match="a bug"):
        bad.external("refuses").list("bad/thing")


def test_a_program_that_is_not_there(bad: Bad) -> None:
    program = Program(read_manifest(MANIFEST), ["/nonexistent/program"], str(bad.folder))
    error = External(program, lambda *_: None).observe(items())[0]["error"]
    assert error["message"] == (
        "the provider bad does not answer: /nonexistent/program does not start: No such file or directory"
    )


def test_texts_weigh_nothing(bad: Bad) -> None:
    """A field that holds much punctuation is no list of much."""
    found = bad.ask("none", text='[{,"\\' * 200_000)
    assert "observation" in found[0], found[0]["error"]


def test_no_descriptor_is_left_open(bad: Bad) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for fault in ("garbage", "dies", "none"):
        bad.ask(fault)
        bad.externals[-1].close()
    assert len(os.listdir("/proc/self/fd")) <= before
