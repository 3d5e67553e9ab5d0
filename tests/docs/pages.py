"""A Markdown page → what a reader does with it, in order: files to save, commands to run, output to compare.

```console      `$ ` begins a command, `> ` goes on with it, what follows is its output; no output: only that it works
[exit code 2]   as the last line of an output: how the command ends, where that is not 0
…               a line of its own: any lines; within a line: any text
# NAME.EXT      as the first line of any other fenced block: the reader saves the block under that name

An HTML comment right above a block says what else holds for it: `<!-- not run: REASON -->`, `<!-- run by PATH -->`,
`<!-- not saved -->`. At the top of a page, `<!-- lab: web1=bookworm web2=trixie -->`: it needs these hosts over SSH;
`<!-- in: PATH -->`: the reader stands in a copy of that folder of the clone; `<!-- before: COMMAND -->`, any number of
times: what has happened before the page begins, such as an account that is there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w*)[^\n`]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"<!-- (not run: [^\n]+?|run by [^\n]+?|not saved) -->\n\s*$")
_LAB = re.compile(r"^<!-- lab: ([^\n]+?) -->$", re.MULTILINE)
_IN = re.compile(r"^<!-- in: (\S+) -->$", re.MULTILINE)
_BEFORE = re.compile(r"^<!-- before: ([^\n]+?) -->$", re.MULTILINE)
_NAMED = re.compile(r"# ([\w./-]+\.\w+)(?:[:,;] [^\n]*)?\n")


@dataclass(frozen=True)
class Save:
    """A file that the reader writes. `name`: relative to where the reader stands."""

    line: int
    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """`output`: None where the page shows none."""

    line: int
    text: str
    output: str | None
    code: int = 0


@dataclass(frozen=True)
class Block:
    """A fenced block. `start`, `end`: where its inner text lies in the page. `mark`: what its comment says, or none."""

    line: int
    start: int
    end: int
    language: str
    text: str
    mark: str

    @property
    def indent(self) -> str:
        """What stands before each of its lines, within a list."""
        return self.text[: len(self.text) - len(self.text.lstrip(" "))]


def markdown() -> list[Path]:
    """Every Markdown file of the clone that people read; fragments of the changelog are read elsewhere."""
    found = []
    for folder, below, files in os.walk(ROOT):
        below[:] = [
            name for name in below if not name.startswith(".") and name not in ("build", "dist", "node_modules")
        ]
        found.extend(Path(folder, name) for name in files if name.endswith(".md"))
    names = sorted(page.relative_to(ROOT).as_posix() for page in found)
    return [ROOT / name for name in names if not re.match(r"tests/|changelog\.d/(?!README)", name)]


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page."""
    found = []
    for match in _FENCE.finditer(page):
        mark = _MARK.search(page[: match.start()])
        line = page.count("\n", 0, match.start()) + 1
        text = match[3]
        found.append(Block(line, match.start(3), match.end(3), match[2], text, mark[1] if mark else ""))
    return found


def lab_hosts(page: str) -> dict[str, str]:
    """Host → suite of the hosts that a page needs; empty where it needs none."""
    match = _LAB.search(page)
    return dict(word.split("=", 1) for word in match[1].split()) if match else {}


def start(page: str) -> Path | None:
    """The folder of the clone that a page's reader stands in, or None for an empty one."""
    match = _IN.search(page)
    return ROOT / match[1] if match else None


def before(page: str) -> list[str]:
    """Commands that were run before a page begins."""
    return _BEFORE.findall(page)


def items(block: Block) -> list[Save | Command]:
    """What a reader does with one block."""
    if block.mark:
        return []
    if block.language == "console":
        return list(_commands(block))
    named = _NAMED.match(block.text)
    if named and block.language not in ("python", "text", "json", "sh"):
        return [Save(block.line, named[1], block.text)]
    return []


def _commands(block: Block) -> list[Command]:
    found: list[Command] = []
    outputs: list[list[str]] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        line = line.removeprefix(block.indent)
        if line.startswith("$ "):
            found.append(Command(number, line[2:], None))
            outputs.append([])
        elif line.startswith("> ") and found and not outputs[-1] and _is_open(found[-1].text):
            found[-1] = replace(found[-1], text=f"{found[-1].text}\n{line[2:]}")
        elif found:
            outputs[-1].append(line)
        else:
            raise ValueError(f"line {number}: output without a command")
    return [_with_output(command, lines) for command, lines in zip(found, outputs, strict=True)]


def _is_open(text: str) -> bool:
    """Whether a command goes on in the next line: a here-document that has not ended, or a backslash."""
    here = re.search(r"<<-?\s*'?(\w+)'?", text)
    return text.endswith("\\") or (here is not None and here[1] not in text.splitlines()[1:])


def _with_output(command: Command, lines: list[str]) -> Command:
    while lines and not lines[-1].strip():
        lines.pop()
    code = re.fullmatch(r"\[exit code (\d+)\]", lines[-1]) if lines else None
    shown = "\n".join(lines[:-1] if code else lines)
    return replace(command, output=shown if lines and shown else None, code=int(code[1]) if code else 0)


def render(commands: list[Command]) -> str:
    """The inner text of a console block; commands with output are set apart by an empty line."""
    parts: list[str] = []
    for number, command in enumerate(commands):
        if number and commands[number - 1].output is not None:
            parts.append("")
        first, *more = command.text.split("\n")
        parts.append(f"$ {first}")
        parts.extend(f"> {line}".rstrip() for line in more)
        if command.output is not None:
            parts.append(command.output)
        if command.code:
            parts.append(f"[exit code {command.code}]")
    return "".join(f"{part}\n" for part in parts)
