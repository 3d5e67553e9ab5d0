"""docs/protocol/v1.md is normative: its conversations are replayed, its messages are of the schemas."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.schemas import validator

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/protocol/v1.md"
PROVIDER = ROOT / "docs/protocol/example/provider.py"
METHODS = ("initialize", "observe", "apply", "list", "upgrade", "shutdown")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def exchanges(block: str) -> Iterator[tuple[str, str]]:
    """Pairs of request and answer."""
    lines = block.splitlines()
    for said, heard in zip(lines[::2], lines[1::2], strict=True):
        assert said.startswith("→ ")
        assert heard.startswith("← ")
        yield said[2:], heard[2:]


@pytest.fixture
def filled(tmp_path: Path) -> Any:
    """Fills the document's placeholders with real folders."""
    for name in ("notes", "directory"):
        (tmp_path / name).mkdir()

    def fill(text: str) -> str:
        for name in ("notes", "directory"):
            text = text.replace("{" + name + "}", str(tmp_path / name))
        return text

    return fill


def test_conversations_are_true(filled: Any) -> None:
    """All of them in the order of the document, with one provider: byte for byte but for spaces and order of keys."""
    process = subprocess.Popen(
        [sys.executable, str(PROVIDER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": filled("{directory}")},
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    count = 0
    for block in blocks("conversation"):
        for said, heard in exchanges(block):
            process.stdin.write(filled(said) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == json.loads(filled(heard))
            count += 1
    assert count >= 9
    process.stdin.close()
    assert process.wait(5) == 0


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocol": {"major": 1, "minor": 0},
        "caller": {"name": "test", "version": "1"},
        "capabilities": {},
        "configuration": {},
        "directory": "/",
    },
}


def request(number: int, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def example(sent: bytes) -> list[Any]:
    """What the example answers to an initialize and `sent`; its stdin stays open, as that of a caller that hangs."""
    process = subprocess.Popen([sys.executable, str(PROVIDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n" + sent)
        process.stdin.flush()
        answers = [json.loads(line) for line in process.stdout]
        assert process.wait(10) == 0
    return answers


@pytest.mark.parametrize("broken", [b"{no json\n", b"\xff\n", b"[" * 5000 + b"\n", b"x" * 4_194_304])
def test_the_example_ends_with_a_broken_line(broken: bytes) -> None:
    assert [answer["id"] for answer in example(broken)] == [1]


def test_the_example_does_nothing_of_a_request_of_another_form(tmp_path: Path) -> None:
    good = {
        "kind": "example/note",
        "action": "create",
        "config": {"path": str(tmp_path / "a")},
        "seen": {"observed": None},
    }
    items = [{**good, "id": "a"}, {**good, "id": "b", "kind": "example/none"}]
    _, answer = example(request(2, "apply", key="k", items=items) + b"end\n")
    assert answer["error"]["code"] == -32602
    assert list(tmp_path.iterdir()) == []


def test_the_example_answers_in_parts_and_refuses_what_no_line_can_hold(tmp_path: Path) -> None:
    def items(*names: str) -> Any:
        return [{"id": name, "kind": "example/note", "config": {"path": str(tmp_path / name)}} for name in names]

    for name, size in (("a", 3_000_000), ("b", 3_000_000), ("huge", 5_000_000)):
        (tmp_path / name).write_text(json.dumps({"text": "x" * size}))
    sent = request(2, "observe", items=items("a", "b")) + request(3, "observe", items=items("none", "huge", "other"))
    process = subprocess.Popen([sys.executable, str(PROVIDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n" + sent)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(4)]
        process.stdin.close()
    assert max(map(len, lines)) <= 4_194_304
    _, part, rest, last = map(json.loads, lines)
    assert [found["id"] for found in part["params"]["items"] + rest["result"]["items"]] == ["a", "b"]
    assert ["error" in found for found in last["result"]["items"]] == [False, True, False]


def test_messages_are_of_the_schemas(filled: Any) -> None:
    messages = [json.loads(block) for block in blocks("json")]
    for message in messages:
        validator("messages").validate(message)
    for block in blocks("conversation"):
        for said, heard in exchanges(block):
            request, answer = json.loads(filled(said)), json.loads(filled(heard))
            if request["method"] not in METHODS:
                continue
            validator("messages", "request").validate(request)
            validator("messages", "answer").validate(answer)
            if "result" in answer:
                validator("messages", f"{request['method']}.result").validate(answer["result"])


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("request", {"jsonrpc": "2.0", "method": "observe", "params": {"items": []}}),
        ("request", {"jsonrpc": "2.0", "id": 1, "method": "observe", "params": {}}),
        ("request", {"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"items": []}}),
        ("answer", {"jsonrpc": "2.0", "id": 1}),
        ("answer", {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1, "message": ""}}),
        ("observe.result", {"items": [{"id": "a"}]}),
        ("observe.result", {"items": [{"id": "a", "observation": {"observed": {"n": 2**53}}}]}),
        ("observe.result", {"items": [{"id": "a", "observation": {"observed": {"n": {"$aivp": "magic"}}}}]}),
        ("observe.result", {"items": [{"id": "a", "error": {"class": "fatal", "message": "no"}}]}),
        ("apply.result", {"items": [{"id": "a", "outputs": {}, "error": {"class": "permanent", "message": "no"}}]}),
        ("list.result", {"items": [{"id": "1", "attributes": {}}]}),
    ],
)
def test_what_the_schemas_refuse(definition: str, value: Any) -> None:
    assert not validator("messages", definition).is_valid(value)


@pytest.mark.parametrize("manifest", ["docs/protocol/example/manifest.json", "providers/host/aivp_host/manifest.json"])
def test_manifests_are_of_the_schema(manifest: str) -> None:
    validator("manifest").validate(json.loads((ROOT / manifest).read_text("utf-8")))
