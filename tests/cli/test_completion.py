"""Completion in real shells at a real terminal, and what they ask aivp for it."""

from __future__ import annotations

import os
import pty
import resource
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import AIVP, Shell

PROJECT = """\
environments: {dev: {include: [dev.yaml]}, prod: }
variables: {people: {type: list, items: {type: string}, default: [ana, ben]}}
groups: {webs: {hosts: [lab]}}
resources:
  file.site: {path: /tmp/site, content: x}
  vm.web: {image: /tmp/image}
  user.person: {for_each: "${var.people}", name: "${each.key}"}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(PROJECT)
    (found.folder / "dev.yaml").write_text("resources: {file.debug: {path: /tmp/d}}\n")
    (found.folder / ".aivp/dev/runs").mkdir(parents=True)
    (found.folder / ".aivp/dev/runs/0123abcd.jsonl").write_text("")
    return found


def asked(shell: Shell, *words: str) -> list[str]:
    done = shell.run(*words, env={"_AIVP_COMPLETE": "bash"})
    assert done.stderr == b""
    return [line.partition("\t")[0] for line in done.stdout.decode().splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["val"], ["validate"]),
        (["runs", "sh"], ["show"]),
        (["plan", "--detailed"], ["--detailed-exitcode"]),
        (["plan", "--target", "file."], ["file.site", "file.debug"]),
        (["plan", "--target", "file.site"], ["file.site", "file.site@lab"]),
        (["plan", "--target", "user.person["], ["user.person[ana]@lab", "user.person[ben]@lab"]),
        (["vm", "st"], ["start", "stop"]),
        (["vm", "exec", "vm"], ["vm.web"]),
        (["vm", "stop", "vm.web", "vm.web@"], ["vm.web@lab"]),
        (["vm", "ssh", "f"], []),
        (["doctor", "lab", "w"], ["webs"]),
        (["doctor", "--kind", "us"], ["user"]),
        (["hosts", "check", ""], ["lab", "webs"]),
        (["hosts", "check", "lab,w"], ["lab,webs"]),
        (["-e", ""], ["dev", "prod"]),
        (["plan", "-e", "d"], ["dev"]),
        (["runs", "show", ""], ["0123abcd"]),
        (["explain", "var."], ["var.people"]),
        (["explain", "file.d"], ["file.debug"]),
        (["explain", "AIVP096"], ["AIVP0960", "AIVP0961"]),
        (["plan", "-o", ""], [":files"]),
        (["plan", "--var", ""], ["people="]),
        (["discover", "us"], ["user@"]),
        (["discover", "user@"], ["user@lab"]),
        (["providers", "show", "serv"], ["service"]),
        (["init", "--from", "web"], ["web-server"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["show", ""], [":files"]),
        (["nonsense", ""], []),
        (["plan", "--nonsense", ""], []),
    ],
)
def test_answers(shell: Shell, words: list[str], expected: list[str]) -> None:
    assert asked(shell, *words) == expected


def test_commands_come_with_their_help(shell: Shell) -> None:
    done = shell.run("", env={"_AIVP_COMPLETE": "bash"})
    assert b"plan\tShow what apply would do" in done.stdout


@pytest.mark.parametrize(
    "text", ["a: [", "resources: 7", "\x00", "environments: {a: 7}\nresources: {7: 8, file.x: [1]}", ""]
)
def test_broken_projects_are_met_in_silence(shell: Shell, text: str) -> None:
    (shell.folder / "aivp.yaml").write_text(text)
    assert isinstance(asked(shell, "plan", "--target", ""), list)
    shutil.rmtree(shell.folder / ".aivp")
    done = shell.run("runs", "show", "", env={"_AIVP_COMPLETE": "bash"})
    assert (done.stdout, done.stderr) == (b"", b"")


def test_names_that_would_move_the_cursor_are_left_out(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").write_text(
        'resources: {"file.\\e[2J": {}, "file.a\\tb": {}, file.c: {host: "x\\u202ey"}}\n'
    )
    assert asked(shell, "plan", "--target", "") == ["file.c"]


def test_nothing_is_started_and_it_is_quick(shell: Shell) -> None:
    """CPU time, since the machine has others to serve. Importing what state, hosts or templates need would show."""
    asked(shell, "plan", "--target", "")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        asked(shell, "plan", "--target", "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    each = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5
    assert each < 0.3, "150 ms on an idle machine, and as much again for a busy one"
    code = "import sys; from aivp.cli.main import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    words = ["plan", "--target", ""]
    done = subprocess.run(
        [str(Path(AIVP).with_name("python")), "-c", code, *words],
        cwd=shell.folder,
        env={**shell.environ, "_AIVP_COMPLETE": "bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    heavy = {"networkx", "jinja2", "rich", "pydantic", "sqlite3", "jsonschema_rs", "cryptography", "aivp.engine"}
    assert not heavy & {*done.stderr.split()}
    assert "file.site" in done.stdout


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], shell: Shell) -> None:
        pid, self.master = pty.fork()
        if pid == 0:  # pragma: no cover
            os.chdir(shell.folder)
            os.execvpe(command[0], command, {**shell.environ, "TERM": "dumb", "PS1": "> ", "HISTFILE": ""})
        self.pid = pid

    def type(self, keys: str, until: str, patience: float = 15) -> str:
        os.write(self.master, keys.encode())
        seen, end = "", time.monotonic() + patience
        while until not in seen and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                seen += os.read(self.master, 65536).decode(errors="replace")
        assert until in seen, seen
        return seen

    def close(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.master)


LINES = [
    ("aivp vali", "aivp validate"),
    ("aivp plan --target file.si", "aivp plan --target file.site"),
    ("aivp plan --target file.site@", "aivp plan --target file.site@lab"),
    ("aivp plan --target=file.deb", "aivp plan --target=file.debug"),
    ("aivp explain var.peo", "aivp explain var.people"),
    ("aivp -e pr", "aivp -e prod"),
    ("aivp discover user@", "aivp discover user@lab"),
    ("aivp fmt dev", "aivp fmt dev.yaml"),
    ("aivp runs show ", "aivp runs show 0123abcd"),
]


@pytest.mark.parametrize(("typed", "completed"), LINES)
def test_bash(shell: Shell, typed: str, completed: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], shell)
    try:
        terminal.type("source <(aivp completion bash); echo ready-$((1+1))\n", "ready-2")
        terminal.type(typed + "\t", completed[len(typed) :])
        seen = terminal.type("\x01echo :\x05:\n", f"\n:{completed}")
        assert f":{completed}" in seen
    finally:
        terminal.close()


@pytest.mark.parametrize(("typed", "completed"), LINES)
def test_zsh(shell: Shell, typed: str, completed: str) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("needs zsh")
    terminal = Terminal(["zsh", "-f", "-i"], shell)
    try:
        terminal.type(
            "autoload -U compinit; compinit -u -D; source <(aivp completion zsh); echo ready-$((1+1))\n", "ready-2"
        )
        terminal.type(typed + "\t", completed[len(typed) :])
        seen = terminal.type("\x01echo :\x05:\n", f"\n:{completed}")
        assert f":{completed}" in seen
    finally:
        terminal.close()


@pytest.mark.parametrize(("typed", "completed"), LINES)
def test_fish(shell: Shell, typed: str, completed: str) -> None:
    """Fish can be asked without a terminal."""
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    script = f"aivp completion fish | source; complete -C '{typed}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=shell.folder,
        env=shell.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    values = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    last = completed.split()[-1]
    assert last in values or last.partition("=")[2] in values, done


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_scripts_have_no_mistakes(shell: Shell, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    assert shell.pipe(f"aivp completion {name} | {name} -n").returncode == 0
