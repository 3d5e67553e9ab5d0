"""The commands from outside: their list, their exit codes, and what they do where nobody listens."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from aivp.cli.commands import COMMANDS
from tests import schemas

AIVP = str(Path(sys.executable).with_name("aivp"))
CALM = "aivp: v1\nproject: calm\nhosts: {lab: {transport: local}}\n"


class Shell:
    """Commands in one project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.things = folder / "things"
        for made in (self.folder, self.things):
            made.mkdir()
        path = f"{Path(AIVP).parent}:/usr/local/bin:/usr/bin:/bin"
        self.environ = {"HOME": str(folder), "AIVP_HOST_STATE": str(folder / "host"), "PATH": path}

    def declare(self, text: str) -> None:
        (self.folder / "aivp.yaml").write_text(CALM + text)

    def run(self, *words: str, **more) -> subprocess.CompletedProcess[bytes]:
        environ = {**self.environ, **more.pop("env", {})}
        done = subprocess.run(
            [AIVP, *words],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **more,
        )
        schemas.check_lines(words, done.stdout)
        return done

    def code(self, *words: str) -> int:
        return self.run(*words).returncode

    def pipe(self, line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """A line of shell."""
        command = ["bash", "-o", "pipefail", "-c", line]
        return subprocess.run(command, cwd=self.folder, env={**self.environ, **env}, capture_output=True, check=False)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(f"resources:\n  file.a: {{host: lab, path: {found.things}/a, content: x}}\n")
    return found


def test_help_lists_every_command(shell: Shell) -> None:
    said = shell.run("--help").stdout.decode()
    assert all(f"\n  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(name: str) -> None:
    from click.testing import CliRunner

    from aivp.cli.commands import cli

    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")


def test_exit_codes(shell: Shell) -> None:
    """The table of DESIGN, from an empty project to an empty one."""
    things = shell.things
    assert shell.code("--version") == 0
    assert shell.code("validate") == 0
    assert shell.code("nonsense") == 1
    assert shell.code("plan", "--nonsense") == 1
    assert shell.code("plan") == 0
    assert shell.code("plan", "--detailed-exitcode") == 2
    assert shell.code("apply") == 1, "nobody is there to be asked"
    assert shell.code("apply", "-y") == 0
    assert shell.code("plan", "--detailed-exitcode") == 0
    assert shell.code("apply", "-y") == 0
    assert shell.code("drift") == 0
    (things / "a").write_text("by hand")
    assert shell.code("drift") == 2
    assert shell.code("plan", "-o", "plan.json") == 0
    (things / "a").write_text("by hand, again")
    assert shell.code("apply", "plan.json") == 4, "stale"
    (shell.folder / "plan.json").write_bytes((shell.folder / "plan.json").read_bytes() + b" ")
    assert shell.code("apply", "plan.json") == 4, "tampered"
    shell.declare(
        f"resources: {{command.fails: {{host: lab, argv: ['false']}}, file.a: {{host: lab, path: {things}/b}}}}\n"
    )
    assert shell.code("apply", "-y") == 5, "one step failed, the rest is applied"
    assert (things / "b").exists()
    assert shell.code("apply", "--resume") == 5
    shell.declare("")
    assert shell.code("runs", "abandon") == 0
    assert shell.code("destroy", "-y") == 0
    assert list(things.iterdir()) == []
    shell.declare("resources: {file.a: {host: nowhere, path: /x}}\n")
    assert shell.code("validate") == 1


def test_what_fails_points_at_its_declaration(shell: Shell) -> None:
    """At once, when a plan file is applied that knows no other file of the project, when resumed, and afterwards."""
    shell.declare("resources:\n  command.fails:\n    argv: ['false']\n")
    at_once = shell.run("apply", "-y")
    resumed = shell.run("apply", "--resume")
    shown = shell.run("runs", "show")
    assert shell.code("plan", "-o", "plan.json") == 0
    shell.declare("resources: {}\n")
    from_file = shell.run("apply", "plan.json")
    for done in (at_once, resumed, shown, from_file):
        assert "\n      aivp.yaml:6:11\n" in done.stdout.decode(), done
    (shell.folder / "plan.json.map").write_text("[")
    assert shell.code("runs", "abandon") == 0
    without = shell.run("apply", "plan.json")
    assert (without.returncode, b"aivp.yaml:6:11" in without.stdout) == (5, False)


def test_a_changed_world_points_at_the_declaration(shell: Shell) -> None:
    shell.declare(f"resources:\n  file.a: {{path: {shell.things}/a, content: x}}\n")
    assert shell.code("plan", "-o", "plan.json") == 0
    (shell.things / "a").write_text("by hand")
    done = shell.run("apply", "plan.json")
    assert (done.returncode, b"aivp.yaml:5:3" in done.stderr) == (4, True), done


def test_part_of_it_is_destroyed_with_what_needs_it_and_named_as_people_name_it(shell: Shell) -> None:
    things = shell.things
    files = "".join(
        f"  file.{name}: {{path: {things}/{name}{needs}}}\n"
        for name, needs in (
            ("a", ""),
            ("b", ", depends_on: file.a"),
            ("c", ""),
            ("d", ", depends_on: file.c"),
        )
    )
    shell.declare("resources:\n" + files)
    assert shell.code("apply", "-y") == 0
    assert shell.code("destroy", "-y", "--target", "file.a") == 0
    assert sorted(path.name for path in things.iterdir()) == ["c", "d"]
    assert shell.code("destroy", "-y", "--exclude", "file.d") == 0
    assert sorted(path.name for path in things.iterdir()) == ["c", "d"], "d still needs c"
    assert shell.run("state", "show", "file.c").stdout.startswith(b"file.c@lab\n")
    assert b"Did you mean file.c@lab" in shell.run("state", "show", "file.c@la").stderr
    assert shell.code("state", "rm", "file.c") == 0
    assert shell.code("state", "rm", "file.c") == 1


def test_a_key_is_made_without_choosing_an_environment(shell: Shell) -> None:
    shell.declare("environments: {dev: {}, prod: {}}\n")
    made = shell.run("secrets", "key", "--new")
    assert (made.returncode, made.stdout.startswith(b"Made a key for calm: ")) == (0, True), made
    assert shell.code("-e", "prod", "secrets", "key") == 0


def test_nobody_listens(shell: Shell) -> None:
    shell.declare("resources:\n" + "".join(f"  noop.n{n}: {{host: lab}}\n" for n in range(2000)))
    for line in (
        "aivp plan | head -1",
        "aivp plan --json | head -1",
        "aivp compile | head -c 10",
        "aivp plan >&-",
        "aivp validate >&- 2>&-",
        "aivp validate -C nowhere 2>&-",
        "aivp plan > /dev/full",
        "aivp compile > /dev/full",
        "aivp --version > /dev/full",
        "aivp --version | true",
        "aivp --version >&-",
        "aivp --help | true",
        "aivp plan --help > /dev/full",
        "aivp providers list --json | head -1",
        "aivp runs list >&-",
        "aivp apply -y 2>&- | head -1",
    ):
        done = shell.pipe(line)
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert "Traceback" not in said, (line, said)
        assert "AIVP0999" not in said, (line, said)
        assert "Exception ignored" not in said, (line, said)
        assert done.returncode in (0, 1, 141), (line, done.returncode)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("aivp apply plan.json | head -1", ""),
        ("aivp apply plan.json --json | head -1", ""),
        ("aivp apply plan.json >&-", ""),
        ("aivp apply plan.json >&- 2>&-", ""),
        ("aivp apply plan.json > /dev/full", "Nothing more is shown: No space left on device. The run goes on.\n"),
    ],
)
def test_a_run_does_not_end_with_its_listener(shell: Shell, line: str, said: str) -> None:
    """Half a run because somebody looked at its first line would be half a machine."""
    shell.declare("resources:\n" + "".join(f"  noop.n{n}: {{host: lab}}\n" for n in range(300)))
    assert shell.code("plan", "-o", "plan.json") == 0
    done = shell.pipe(line)
    assert (done.returncode, done.stderr.decode()) == (0, said)
    (run,) = schemas.check_lines(["--json"], shell.run("runs", "list", "--json").stdout)
    assert run["status"] == "done"
    assert len(shell.run("state", "list", "--json").stdout.splitlines()) == 300


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "40", "TERM": "dumb"},
        {"LANG": "C", "COLUMNS": "1", "NO_COLOR": "1"},
    ],
    ids=["ascii", "c"],
)
def test_any_locale_and_terminal(tmp_path: Path, environ: dict[str, str]) -> None:
    place = tmp_path / "größe→\U0001f600"
    place.mkdir()
    shell = Shell(place)
    shell.declare(
        "variables: {v: {type: string, default: ä→}}\n"
        f"resources: {{file.a: {{host: lab, path: '{shell.things}/ü', content: \"ä→\\n\"}}}}\n"
    )
    for line in (
        "validate",
        "plan",
        "plan --json",
        "plan -o plän.json",
        "show plän.json",
        "graph",
        "apply plän.json",
        "state list",
        "state show file.a@lab",
        "runs list",
        "runs show",
        "explain var.v",
        "providers show file",
        "drift --json",
        "--help",
        "apply --help",
        "destroy -y --json",
    ):
        done = shell.run(*line.split(), env=environ)
        assert (done.returncode, done.stderr) == (0, b""), (line, done)
        if line == "apply plän.json":
            assert (shell.things / "ü").read_bytes() == "ä→\n".encode()
    assert shell.code("state", "show", "ä") == 1


@pytest.mark.parametrize(
    ("environ", "is_colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colors_unless_it_or_its_owner_has_none(
    shell: Shell, environ: dict[str, str], is_colored: bool
) -> None:
    ours, theirs = pty.openpty()
    code = subprocess.run(
        [AIVP, "plan"], cwd=shell.folder, env={"TERM": "xterm", **shell.environ, **environ}, stdout=theirs, check=False
    ).returncode
    os.close(theirs)
    said = os.read(ours, 65536)
    os.close(ours)
    assert code == 0
    assert (b"\x1b[" in said) is is_colored, said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_cannot_show_everything(shell: Shell, encoding: str) -> None:
    shell.declare(
        f"resources: {{file.a: {{host: lab, path: '{shell.things}/ü→\\U0001f600', content: \"ä\\n→\\n\"}}}}\n"
    )
    for words in (("plan",), ("plan", "--json"), ("compile",), ("apply", "-y"), ("state", "list")):
        done = shell.run(*words, env={"PYTHONIOENCODING": encoding})
        assert done.returncode == 0, done.stderr.decode(errors="replace")


@pytest.mark.parametrize("columns", ["0", "40", "160", "many"])
def test_terminals_of_every_width(shell: Shell, columns: str) -> None:
    assert shell.run("plan", env={"COLUMNS": columns, "LINES": "1"}).returncode == 0


def test_json_lines(shell: Shell) -> None:
    """With --json every line is an object with a version and a type, in success and in failure."""
    for words in (
        ("plan",),
        ("validate",),
        ("apply", "-y"),
        ("state", "list"),
        ("runs", "list"),
        ("runs", "show"),
        ("drift",),
    ):
        done = shell.run(*words, "--json")
        assert done.stdout, words
        assert done.stderr == b"", words
    shell.declare("resources: {file.a: {host: nowhere, path: /x}}\n")
    (line,) = [json.loads(line) for line in shell.run("validate", "--json").stdout.splitlines()]
    assert (line["type"], line["code"], line["severity"]) == ("diagnostic", "AIVP0210", "error")


def test_what_looks_like_terminal_codes_reaches_no_terminal(shell: Shell) -> None:
    evil = "\x1b]0;owned\x07\u202egnp.exe\x9b31m"
    (shell.things / "a").write_bytes(evil.encode() + b"\xff\xfe\x80")
    text = json.dumps(evil)
    file = f"  file.a: {{host: lab, path: {shell.things}/a, content: {text}}}\n"
    variable = f"variables: {{v: {{type: string, default: {text}}}}}\n"
    shell.declare(f"{variable}resources:\n{file}  noop.n: {{host: lab, input: {text}}}\n")
    for line in (
        "plan",
        "plan --json",
        "plan -v",
        "apply -y",
        "state show noop.n@lab",
        "graph",
        "graph --format json",
        "drift",
        "explain var.v",
        "explain var.v --json",
        "providers show file",
    ):
        words = line.split()
        done = shell.run(*words)
        said = (done.stdout + done.stderr).decode()
        raw = sorted({char for char in said if char != "\n" and (not char.isprintable() and not char.isspace())})
        assert not raw, (words, raw)
        assert "\u202e" not in said, words


def test_variables_keep_their_order(shell: Shell) -> None:
    shell.declare("variables: {v: {type: string, default: a}}\n")
    (shell.folder / "v.yaml").write_text("v: from-file\n")
    for words, last in (
        (["--var", "v=b", "--var-file", "v.yaml"], "from-file"),
        (["--var-file", "v.yaml", "--var=v=b"], "b"),
        (["--var", "v=b", "--var", "v=c=d"], "c=d"),
    ):
        assert shell.run("explain", "var.v", *words).stdout.decode().startswith(f'var.v = "{last}"')


def test_every_code_that_is_used_has_a_summary() -> None:
    import re

    from aivp.diagnostics.catalogue import SUMMARIES

    root = Path(__file__).parents[2]
    files = [*root.glob("aivp/**/*.py"), *root.glob("providers/*/aivp_*/**/*.py")]
    used = {code for file in files for code in re.findall(r"AIVP0[0-9]{3}", file.read_text())}
    assert sorted(used - set(SUMMARIES)) == []


def test_nothing_is_written_but_where_it_belongs(shell: Shell) -> None:
    before = set(shell.folder.rglob("*"))
    for words in (
        ("validate",),
        ("plan",),
        ("observe",),
        ("compile",),
        ("graph",),
        ("state", "list"),
        ("runs", "list"),
    ):
        assert shell.run(*words, env={"TMPDIR": str(shell.things)}).returncode == 0
    assert set(shell.folder.rglob("*")) == before
    assert os.listdir(shell.things) == []


def test_explain_says_where_a_resource_is_declared_or_why_it_is_not(shell: Shell) -> None:
    shell.declare(
        "variables: {on: {type: boolean, default: false}}\nresources:\n"
        '  file.a: {path: /a, when: "${var.on}"}\n'
        "  file.b: {for_each: [x], path: /b, when: {host.facts.os.id: debian}}\n"
    )
    assert shell.run("explain", "file.a").stdout.decode() == "file.a@lab  not declared: when: ${var.on} is false\n"
    said = shell.run("explain", "file.b[x]@lab").stdout.decode()
    assert said.startswith("file.b[x]@lab  declared at aivp.yaml:7:3\n  facts decide: {")
    assert "Did you mean file.b" in shell.run("explain", "file.c").stderr.decode()


def test_a_provider_error_points_at_the_field_at_fault(shell: Shell) -> None:
    (shell.things / "a").write_text("x\n")
    shell.declare(f'resources:\n  file.a:\n    path: {shell.things}/a\n    lines:\n      - {{line: a, regexp: "("}}\n')
    said = shell.run("plan").stderr.decode()
    assert "aivp.yaml:8:27" in said
    assert "Escape what is meant literally" in said
