"""`--json`: what every command prints, and what the log of a run holds, is as schemas/events/v1.json says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from aivp.cli.commands import cli
from tests import schemas
from tests.cli.test_commands import Shell
from tests.cli.vms import Lab
from tests.providers.image.download.server import Shop, serving

TYPES = {item["$ref"].rpartition("/")[2] for item in schemas.load("events")["oneOf"]}
SAID = {"provider-logged", "provider-progressed", "steps-lasting", "content-sent"}
"""Lines of third-party providers, and of what takes its time: tests/e2e has them printed."""

PAGE = Path(__file__).parents[2] / "docs/reference/json.md"
EXAMPLES = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith('{"aivp"')]

WORDS = """
validate | compile | compile -o ir.json | graph | graph --format dot | observe | plan | plan -o plan.json
show plan.json | apply plan.json | apply --resume | drift | state list | state show noop.n@lab
runs list | runs show | runs show --timeline | runs abandon | explain var.v | explain noop.n
providers list | providers show noop
discover file@lab --under THINGS | secrets key --new | secrets key | state check | state backup state.json
state mv noop.n@lab noop.m@lab | state restore state.json -y --force
state rm noop.n@lab | hosts list | hosts check | hosts bootstrap lab -y | hosts facts | exec lab true | doctor lab
hosts record echo {"_meta":{"hostvars":{}},"web":["a.example"]}
plan -o after.json | diff plan.json after.json | state rebuild | state rebuild -y | destroy -y | version | explain 0203
""".replace("\n", "|")
FOR_PEOPLE = set(
    "completion, fmt, init, man, migrate, schema, providers new, providers test, providers pack".split(", ")
)
"""Commands of authors, which write files, folders and reports."""

OF_VMS = """list|stop web|start web|reboot web|pause web|resume web|logs web|top|snapshot web a|snapshots web
restore web a -y|delete-snapshot web a -y|prune --dry-run""".replace("\n", "|").split("|")
JOINED = ("console", "exec", "ssh")
"""Commands that hand streams on as they are."""

REFUSED = {"apply plan.json": 5, "apply --resume": 5, "state rebuild": 1, "diff plan.json after.json": 2}
"""Commands that do not end with 0, and with what."""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(
        "variables: {v: {type: string, default: ä}}\n"
        "resources:\n"
        f"  file.a: {{host: lab, path: {found.things}/a, content: x}}\n"
        "  noop.n: {host: lab}\n"
        "  command.fails: {host: lab, argv: ['false']}\n"
        "groups: {labs: {hosts: [lab]}}\n"
    )
    return found


def handled(folder: Path) -> tuple[set[str], set[str]]:
    """The commands of VMs, each called for one, and the types of their lines."""
    (folder / "lab").mkdir()
    lab = Lab(folder / "lab")
    lab.make("web")
    lab.make("left", is_ours=False)
    types = set()
    for verb in OF_VMS:
        for item in lab.lines("vm", *verb.split()):
            types.add(item["type"])
    return {f"vm {verb.split()[0]}" for verb in OF_VMS} | {f"vm {verb}" for verb in JOINED}, types


def looked_after(folder: Path) -> tuple[set[str], set[str]]:
    """The commands of images, each called once where there is something to say, and the types of their lines."""
    (folder / "images").mkdir()
    shell = Shell(folder / "images")
    data = bytes(100_000)
    digest = hashlib.sha256(data).hexdigest()
    (shell.things / "a.img").write_bytes(data)
    (shell.folder / "images.yaml").write_text("values: {images: {}}\n")
    shell.declare(
        f"include: [images.yaml]\nresources:\n  image.a: {{host: lab, source: {{path: {shell.things}/a.img}}}}\n"
    )
    assert shell.code("apply", "-y") == 0
    types, called = set(), set()
    with serving(Shop(data)) as url:
        verbs = ["list", "prune -y", "verify", f"catalogue add b {url} --sha256 {digest}", "catalogue pull"]
        verbs += ["catalogue list --host lab", "catalogue verify", "catalogue prune -y"]
        for verb in verbs:
            done = shell.run("image", *verb.split(), "--json")
            assert (done.returncode, done.stderr) == (0, b""), (verb, done.stdout)
            types |= {json.loads(line)["type"] for line in done.stdout.splitlines()}
            called.add(" ".join(("image", *verb.split()[: 2 if verb.startswith("catalogue") else 1])))
    return called, types


def test_every_command_prints_lines_of_the_schema_and_nothing_else(shell: Shell, tmp_path: Path) -> None:
    called, types = set(), set()
    for line in filter(None, map(str.strip, WORDS.split("|"))):
        words = [str(shell.things) if word == "THINGS" else word for word in line.split()]
        done = shell.run(*words, "--json")
        assert (done.returncode, done.stderr) == (REFUSED.get(line, 0), b""), (line, done.stdout)
        types |= {item["type"] for item in schemas.check_lines([*words, "--json"], done.stdout)}
        called.add(" ".join(words[: 2 if words[0] in ("state", "runs", "secrets", "providers", "hosts", "vm") else 1]))
    shell.declare("state: {sqlite: there}\n")
    (moved,) = schemas.check_lines(["--json"], shell.run("state", "move", "-y", "--json").stdout)
    assert (moved["from"], moved["to"]) == ("sqlite in .aivp", "sqlite in there")
    called.add("state move")
    types.add(moved["type"])
    of_vms, seen = handled(tmp_path)
    of_images, told = looked_after(tmp_path)
    called |= of_vms | of_images
    types |= seen | told
    assert set(_leaves(cli)) <= called | FOR_PEOPLE, "a command that nobody has called with --json"
    assert types == TYPES - SAID, "a type that no command has printed"


def _leaves(group: click.Group, *before: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, *before, name)
        else:
            yield " ".join((*before, name))


def test_nothing_to_list_is_no_line(shell: Shell) -> None:
    for words in (("state", "list"), ("runs", "list"), ("runs", "abandon")):
        done = shell.run(*words, "--json")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_log_of_a_run_holds_what_was_printed(shell: Shell) -> None:
    printed = shell.run("apply", "-y", "--json").stdout.decode().splitlines()
    (log,) = (shell.folder / ".aivp/main/runs").glob("*.jsonl")
    logged = log.read_text().splitlines()
    assert logged == [
        line for line in printed if re.match(r'\{"aivp":1,"type":"(run|steps?)-(started|ended|lasting)"', line)
    ]
    assert len(logged) >= 5
    for line in logged:
        schemas.check("events", json.loads(line))


def test_an_artifact_in_a_line_is_the_one_in_the_file(shell: Shell) -> None:
    (line,) = schemas.check_lines(["--json"], shell.run("compile", "--json").stdout)
    (told,) = schemas.check_lines(["--json"], shell.run("compile", "-o", "ir.json", "--json").stdout)
    assert line["content"] == json.loads((shell.folder / "ir.json").read_bytes())
    assert (told["digest"], told["file"]) == (line["digest"], "ir.json")


def test_the_page_shows_every_type_once() -> None:
    assert sorted(json.loads(line)["type"] for line in EXAMPLES) == sorted(TYPES)


OPTIONAL = frozenset("address span related digest file expected changes waits_for path mend tainted elapsed".split())


@pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: json.loads(line)["type"])
def test_an_example_is_valid_and_closed(line: str) -> None:
    document = json.loads(line)
    assert schemas.check_lines(["--json"], line) == [document]
    kind = document["type"]
    required = {"digest", "address", "file", "elapsed"} if kind not in ("plan", "diagnostic") else set()
    if kind.startswith("provider-"):
        required -= {"elapsed"}  # they are also heard while a plan is made
    variants = schemas.broken(document, OPTIONAL - required)
    assert [where for where, variant in variants if not schemas.problems("events", variant)] == []
