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
from tests.docs.pages import ROOT, Block, Command, Save, before, blocks, items, lab_hosts, markdown, render, start
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
        if any(block.language == "console" and not block.mark and "$ " in block.text for block in blocks(text)):
            marks = [pytest.mark.lab, pytest.mark.xdist_group("docs-lab")] if lab_hosts(text) else []
            cases.append(pytest.param(page, id=_name(page), marks=marks))
    return cases


@pytest.mark.parametrize("page", _cases())
def test_every_command_works_as_shown(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    hosts = lab_hosts(text)
    differences: list[str] = []
    failures: list[str] = []
    seen: list[tuple[Block, list[Command]]] = []
    with _surroundings(hosts, tmp_path) as path, Reader(tmp_path / "reader", path, start(text)) as reader:
        for command in before(text):
            output, code = reader.run(Command(0, command, None))
            assert code == 0, f"{command}\n{output}"
        for block in blocks(text):
            done: list[Command] = []
            for item in items(block):
                if isinstance(item, Save):
                    reader.save(item)
                    continue
                output, code = reader.run(item)
                done.append(_as_seen(item, output))
                if code != item.code:
                    failures.append(f"{item.line}: {item.text}\nended with {code}, not {item.code}:\n{output}")
                elif item.output is not None and not agrees(item.output, output, is_ordered=not hosts):
                    done[-1] = replace(item, output=output or None)
                    differences.append(f"{item.line}: {item.text}\n--- shown\n{item.output}\n--- seen\n{output}")
            seen.append((block, done))
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1" and differences and not failures:
        page.write_text(_rewritten(text, seen), encoding="utf-8")
        differences = []
    assert not failures + differences, f"{_name(page)}\n" + "\n".join(failures + differences)


def _as_seen(command: Command, output: str) -> Command:
    """The command with what it printed this time, where the page shows an output and leaves nothing of it out."""
    is_whole = command.output is not None and "…" not in command.output
    return replace(command, output=output or None) if is_whole else command


def _rewritten(text: str, seen: list[tuple[Block, list[Command]]]) -> str:
    """The page with all outputs of one and the same reading, so that ids and times agree with each other."""
    for block, done in reversed(seen):
        if done:
            inner = "".join(f"{block.indent}{line}" for line in render(done).splitlines(keepends=True))
            text = text[: block.start] + inner + text[block.end :]
    return text


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
            is_run = block.language == "console" and block.text.lstrip().startswith("$ ")
            if block.language in _COMMANDS and not is_run and not block.mark:
                found.append(
                    f"{where}: a block of commands is `console` with `$ `, or says in a comment why it is not run"
                )
    assert not found, "\n".join(found)
