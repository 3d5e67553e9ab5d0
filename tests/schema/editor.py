"""An editor: the real yaml-language-server over its protocol, asked what a person at the keyboard would see."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WAIT = 30.0
"""Seconds until the server must have answered."""


class Editor:
    """One server for one folder; files are opened by name with their text."""

    def __init__(self, server: Path, folder: Path) -> None:
        self.folder = folder
        command = ["node", str(server), "--stdio"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0
        self.versions: dict[str, int] = {}
        self.found: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        root = self.folder.as_uri()
        can = {
            "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}},
            "workspace": {"configuration": True},
        }
        self.ask("initialize", {"processId": None, "rootUri": root, "capabilities": can})
        self.tell("initialized", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def open(self, name: str, text: str) -> list[str]:
        """The messages that the editor shows for a file, as `line: message`."""
        uri = (self.folder / name).as_uri()
        self.found.pop(uri, None)
        if name in self.versions:
            self.versions[name] += 1
            document = {"uri": uri, "version": self.versions[name]}
            self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})
        else:
            self.versions[name] = 1
            document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
            self.tell("textDocument/didOpen", {"textDocument": document})
        end = time.monotonic() + WAIT
        while uri not in self.found:
            assert time.monotonic() < end, "no diagnostics came"
            self.receive()
        return [f"{item['range']['start']['line'] + 1}: {item['message']}" for item in self.found[uri]]

    def complete(self, name: str, line: int, column: int) -> dict[str, str]:
        """What is offered at a place (from 0): label → what is put in."""
        found = self.ask("textDocument/completion", self.place(name, line, column))
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: item.get("textEdit", {}).get("newText") or item.get("insertText", "") for item in items}

    def hover(self, name: str, line: int, column: int) -> str:
        """What is shown for the word at a place."""
        found = self.ask("textDocument/hover", self.place(name, line, column))
        return found["contents"]["value"] if found else ""

    def place(self, name: str, line: int, column: int) -> Mapping[str, Any]:
        uri = (self.folder / name).as_uri()
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        self.number += 1
        number = self.number
        self.send({"id": number, "method": method, "params": params})
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            message = self.receive()
            if message.get("id") == number and "method" not in message:
                return message.get("result")
        raise AssertionError(f"{method} was not answered")

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        self.send({"method": method, "params": params})

    def send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        self.process.stdin.flush()

    def receive(self) -> Any:
        """The next message; what the server asks of an editor is answered with its own defaults."""
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the server has ended"
        message = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.found[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            settings = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
            asked = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            result = None if asked is None else [settings if item.get("section") == "yaml" else {} for item in asked]
            self.send({"id": message["id"], "result": result})
        return message
