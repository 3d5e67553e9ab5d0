"""What a command imports: starting up stays fast only while nobody imports what they do not need.

`golden/imports.txt` has a line for every command, run on a small project: the rooms of aivp, libraries and slow parts
of Python that it imports. A new command gets its words in `WORDS`; AIVP_UPDATE_GOLDEN=1 rewrites the list.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from aivp.cli.commands import COMMANDS, cli

HEAVY = frozenset(
    "networkx jinja2 markupsafe rich pydantic pydantic_core sqlite3 _sqlite3 cryptography jsonschema_rs packaging yaml"
    " asyncio http ssl".split()
)
SLOW = frozenset(
    "asyncio concurrent ctypes http importlib.metadata logging multiprocessing sqlite3 ssl tarfile unittest xml"
    " urllib.request".split()
)
"""Parts of Python that take milliseconds; others come and go with its versions, or with click (difflib)."""

NEVER = frozenset(
    "networkx numpy pydantic rich asyncio multiprocessing unittest aivp_sdk aivp_host aivp_runner".split()
)
"""What no command at all is worth."""

GOLDEN = Path(__file__).parent / "golden/imports.txt"
WORDS = """
validate | compile -o ir.json | graph -o graph.json | secrets key --new | observe -o evidence.json | plan -o plan.json
show plan.json | apply plan.json | plan -o after.json | diff plan.json after.json
drift | explain file.a | state list | state show file.a@lab | state check
state backup copy.json | state mv file.b@lab file.c@lab | state restore copy.json -y --force | state rm file.b@lab
state move -y | state rebuild -y | runs list | runs show | runs abandon
hosts list | hosts check | hosts facts | doctor lab | hosts bootstrap lab -y | hosts record echo {"web":["a.example"]}
exec lab true | discover file@lab --under THINGS | providers list | providers show file | providers new acme
providers pack aivp-provider-acme -o packed | providers test --list | fmt --check | version
image list | image prune -y | image catalogue add small https://127.0.0.1:9/a --sha256 DIGEST | image catalogue list
image catalogue pull small | image verify | image catalogue verify | image catalogue prune -y
vm list | vm top | vm prune | vm start web | vm stop web | vm reboot web | vm pause web | vm resume web | vm logs web
vm console web | vm exec web true | vm ssh web | vm snapshot web a | vm snapshots web | vm restore web a -y
vm delete-snapshot web a -y | init begun | init --list | schema -o schema.json | migrate -y
completion bash | man -o pages | destroy -y
""".replace("\n", "|")
_OF_ONE = "start stop reboot pause resume logs console exec ssh snapshot snapshots restore delete-snapshot".split()
ENDS = {
    "providers test": (0, 1),
    "diff": (0, 2),
    "image catalogue pull": (1,),
    **dict.fromkeys((f"vm {verb}" for verb in _OF_ONE), (1,)),
}
"""Commands that may end otherwise: without the kit, say, or where there is something to tell."""

CALM = "aivp: v1\nproject: calm\nhosts: {lab: {transport: local}}\n"
PROJECT = (
    CALM + "state: {sqlite: STATE}\nresources:\n"
    "  file.d: {host: lab, path: THINGS/d, state: directory}\n"
    "  file.a: {host: lab, path: '${file.d.path}/a', content: x}\n"
    "  file.b: {host: lab, path: THINGS/b, template: {inline: 'x {{ y }}'}, vars: {y: 1}}\n"
)
FILE = CALM + "resources: {file.a: {host: lab, path: /tmp/a, content: x}}\n"
_SAY = """
import sys
before = set(sys.modules)
from aivp.cli.main import main
try:
    main()
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def imported(folder: Path, *words: str, home: Path | None = None, codes: tuple[int, ...] = (0,)) -> frozenset[str]:
    """The modules that a command has imported when it ends, which it must do with one of `codes`."""
    command = [sys.executable, "-c", _SAY, *words]
    given = {"HOME": str(home), "AIVP_HOST_STATE": str(home / "host")} if home else {}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **given},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, (words, done.stdout[-1000:], done.stderr[-2000:])
    return frozenset(done.stderr.splitlines()[-1].split())


def told(name: str) -> str | None:
    """What a module counts as: a room of aivp, a library, a slow part of Python; None: as nothing."""
    parts = name.split(".")
    if parts[0] == "aivp":
        return ".".join(parts[:2]) if len(parts) > 1 else None
    if name in SLOW or parts[0] in SLOW:
        return name if name in SLOW else parts[0]
    if parts[0].startswith("_") or parts[0] in {*sys.stdlib_module_names, "sitecustomize", "cython_runtime"}:
        return None
    return parts[0]


def leaves(group: click.Group, *before: str) -> Iterator[str]:
    """Every command that does something: `plan`, `state list`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield " ".join((*before, name))


def test_every_command_imports_what_is_listed(tmp_path: Path) -> None:
    (tmp_path / "things").mkdir()
    project = tmp_path / "project"
    project.mkdir()
    text = PROJECT.replace("THINGS", str(tmp_path / "things"))
    (project / "aivp.yaml").write_text(text.replace("state: {sqlite: STATE}\n", ""))
    known = sorted(leaves(cli), key=lambda leaf: -len(leaf))
    found: dict[str, set[str]] = {}
    for line in filter(None, map(str.strip, WORDS.split("|"))):
        words = line.replace("THINGS", str(tmp_path / "things")).replace("DIGEST", "0" * 64).split()
        leaf = next(leaf for leaf in known if f"{line} ".startswith(f"{leaf} "))
        if leaf == "state move":
            (project / "aivp.yaml").write_text(text.replace("STATE", "there"))
        modules = imported(project, *words, home=tmp_path, codes=ENDS.get(leaf, (0,)))
        found.setdefault(leaf, set()).update(filter(None, map(told, modules)))
    assert set(known) <= found.keys(), "a new command: add its words to WORDS"
    listed = "".join(f"{leaf}: {' '.join(sorted(names))}\n" for leaf, names in sorted(found.items()))
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(listed)
    assert listed.splitlines() == GOLDEN.read_text().splitlines()
    assert not [line for line in listed.splitlines() if NEVER & set(line.split())]


def test_version_imports_next_to_nothing(tmp_path: Path) -> None:
    found = imported(tmp_path, "--version")
    assert not found & {*HEAVY, "click", "json", "re", "pathlib", "typing", "dataclasses", "argparse"}
    assert {name for name in found if name.partition(".")[0] == "aivp"} == {"aivp", "aivp.cli", "aivp.cli.main"}


def test_help_imports_click_and_no_command(tmp_path: Path) -> None:
    found = imported(tmp_path, "--help")
    assert not found & {*HEAVY, "json"}
    assert {name for name in found if name.startswith("aivp.")} == {"aivp.cli", "aivp.cli.main", "aivp.cli.commands"}


@pytest.mark.parametrize("command", [*COMMANDS, "state list", "runs abandon", "providers show", "secrets key"])
def test_help_of_a_command_imports_nothing_heavier_than_click(tmp_path: Path, command: str) -> None:
    """Of ours only the command line and what a refusal is made of."""
    found = imported(tmp_path, *command.split(), "--help")
    assert not found & {*HEAVY, "json", "pathlib", "tempfile", "subprocess", "decimal"}
    ours = {name for name in found if name.startswith("aivp")}
    assert not {name for name in ours if not name.startswith(("aivp.cli", "aivp.diagnostics"))} - {"aivp"}


def test_no_command_imports_a_provider(tmp_path: Path) -> None:
    (tmp_path / "aivp.yaml").write_text(FILE)
    for words in (("validate",), ("providers", "list"), ("compile",)):
        assert not {
            name for name in imported(tmp_path, *words) if name.startswith(("aivp_host", "aivp_sdk", "aivp_runner"))
        }


def test_validate_imports_what_the_project_needs(tmp_path: Path) -> None:
    (tmp_path / "aivp.yaml").write_text(FILE)
    found = imported(tmp_path, "validate")
    assert not found & {"networkx", "jinja2", "sqlite3", "rich", "pydantic", "cryptography"}
    assert not {name for name in found if name.startswith(("aivp.hosts", "aivp.state", "aivp.secrets", "aivp.apply"))}
