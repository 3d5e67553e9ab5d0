"""Every command in the documents works as shown; AIVP_UPDATE_GOLDEN=1 writes what was really printed into the pages.

What is volatile by name (tests/docs/reader.py) is no difference, and is not rewritten when nothing else changed.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests import lab
from tests.docs.pages import ROOT, Block, Command, Save, blocks, items, lab_hosts, markdown, render, start
from tests.docs.reader import Reader, agrees

_COMMANDS = ("console", "sh", "bash", "shell")


def pages() -> list[Path]:
    """Every page but records of decisions, which show commands of their time."""
    return [page for page in markdown() if not _name(page).startswith("docs/adr/")]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _cases() -> list[object]:
    cases: list[object] = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if any(block.language == "console" and not block.mark for block in blocks(text)):
            marks = [pytest.mark.lab, pytest.mark.xdist_group("docs-lab")] if lab_hosts(text) else []
            cases.append(pytest.param(page, id=_name(page), marks=marks))
    return cases


@pytest.mark.parametrize("page", _cases())
def test_every_command_works_as_shown(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    differences: list[str] = []
    rewritten: list[tuple[Block, str]] = []
    with (
        _surroundings(lab_hosts(text), tmp_path) as path,
        Reader(tmp_path / "reader", path, start(text)) as reader,
    ):
        for block in blocks(text):
            done: list[Command] = []
            for item in items(block):
                if isinstance(item, Save):
                    reader.save(item)
                    continue
                done.append(_do(reader, item, differences))
            if done and done != items(block):
                rewritten.append((block, render(done)))
    failed = [difference for difference in differences if "\nended with " in difference]
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1" and not failed:
        for block, inner in reversed(rewritten):
            indented = "".join(f"{block.indent}{line}" for line in inner.splitlines(keepends=True))
            text = text[: block.start] + indented + text[block.end :]
        page.write_text(text, encoding="utf-8")
        differences = []
    assert not differences, f"{_name(page)}\n" + "\n".join(differences)


def _do(reader: Reader, command: Command, differences: list[str]) -> Command:
    """Run it; the command as it really was, where that differs."""
    seen, code = reader.run(command)
    if code != command.code:
        differences.append(f"{command.line}: {command.text}\nended with {code}, not {command.code}:\n{seen}")
    elif command.output is not None and not agrees(command.output, seen):
        differences.append(f"{command.line}: {command.text}\n--- shown\n{command.output}\n--- seen\n{seen}")
        return replace(command, output="\n".join(line.rstrip() for line in seen.splitlines()) or None)
    return command


@contextmanager
def _surroundings(hosts: dict[str, str], folder: Path) -> Iterator[tuple[str, ...]]:
    """Folders to put before PATH: with hosts, one with an `ssh` that reaches them and knows nothing else."""
    if not hosts:
        yield ()
        return
    for suite in hosts.values():
        if (reason := lab.network_available(suite)) is not None:
            pytest.skip(reason)
    with lab.network() as laid:
        laid.hosts(hosts)
        command = shlex.join([*laid.argv, str(shutil.which("ssh")), "-F", str(laid.client.config)])
        ssh = folder / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        ssh.chmod(0o755)
        yield (str(ssh.parent),)


def test_no_command_stands_there_unrun_without_a_reason() -> None:
    found = []
    for page in pages():
        for block in blocks(page.read_text(encoding="utf-8")):
            where = f"{_name(page)}:{block.line}"
            if (
                block.mark.startswith("run by ")
                and not (ROOT / block.mark.removeprefix("run by ").split("::")[0]).is_file()
            ):
                found.append(f"{where}: {block.mark}: there is no such test")
            if block.language in _COMMANDS and block.language != "console" and not block.mark:
                found.append(f"{where}: a block of commands is `console` with `$ `, or says why it is not run")
    assert not found, "\n".join(found)
