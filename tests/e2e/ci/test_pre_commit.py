"""The hooks of .pre-commit-hooks.yaml in somebody's repository, at a real `git commit`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from aivp.cli.commands import COMMANDS
from tests.e2e.ci.github import ROOT

BIN = Path(sys.executable).parent
GOOD = "aivp: v1\nproject: shop\nhosts: {lab: {transport: local}}\nresources:\n  file.a: {path: /tmp/a, content: x}\n"
YAML_SAFE = YAML(typ="safe")


class Somebody:
    """`theirs`: a repository with the hooks installed; `hooks`: a repository that offers them."""

    def __init__(self, root: Path, hooks: Path, ids: list[str]) -> None:
        self.theirs = root / "theirs"
        self.environ = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(root),
            "PRE_COMMIT_HOME": str(root / "cache"),
            **{f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.theirs.mkdir()
        self.run("git", "init", "-q", "-b", "main")
        rev = subprocess.run(["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, text=True, check=True).stdout
        config = {"repos": [{"repo": str(hooks), "rev": rev.strip(), "hooks": [{"id": name} for name in ids]}]}
        with (self.theirs / ".pre-commit-config.yaml").open("w") as file:
            YAML().dump(config, file)
        assert self.run("pre-commit", "install")[0] == 0

    def run(self, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            words,
            cwd=self.theirs,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=400,
            check=False,
        )
        return done.returncode, done.stdout.decode()

    def commit(self, text: str, name: str = "aivp.yaml") -> tuple[int, str]:
        (self.theirs / name).write_text(text)
        self.run("git", "add", "-A")
        return self.run("git", "commit", "-m", "change")


def offered(root: Path) -> Path:
    """The hooks as they stand, but for their language: the command is that of this clone, and nothing is installed.

    `language: python`, as published, asks a package index for what aivp needs; that is the slow test below.
    """
    hooks = YAML_SAFE.load(ROOT / ".pre-commit-hooks.yaml")
    for hook in hooks:
        hook["language"] = "system"
        del hook["additional_dependencies"], hook["language_version"]
    folder = root / "hooks"
    folder.mkdir()
    with (folder / ".pre-commit-hooks.yaml").open("w") as file:
        YAML().dump(hooks, file)
    names = [word for what in ("name", "email") for word in ("-c", f"user.{what}=t@example.com")]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "offer"]):
        subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_commit_with_a_mistake_is_refused(tmp_path: Path) -> None:
    somebody = Somebody(tmp_path, offered(tmp_path), ["aivp-validate"])
    code, said = somebody.commit(GOOD.replace("content", "contents"))
    assert (code, "aivp.yaml:5" in said) == (1, True), said
    code, said = somebody.commit(GOOD)
    assert (code, "aivp validate" in said) == (0, True), said
    code, said = somebody.commit("# Notes\n", "README.md")
    assert (code, "Skipped" in said) == (0, True), "no file of a project changed"


def test_a_layout_is_mended_and_shown_before_it_is_committed(tmp_path: Path) -> None:
    if "fmt" not in COMMANDS:
        pytest.skip("needs aivp fmt")
    somebody = Somebody(tmp_path, offered(tmp_path), ["aivp-fmt", "aivp-validate"])
    crooked = GOOD.replace("resources:\n  file.a:", "resources:\n      # mine\n      file.a:   ")
    code, said = somebody.commit(crooked)
    assert (code, "files were modified by this hook" in said) == (1, True), said
    mended = (somebody.theirs / "aivp.yaml").read_text()
    assert "# mine" in mended
    code, said = somebody.commit(mended)
    assert code == 0, said


@pytest.mark.slow
def test_the_hooks_as_published_install_themselves_from_a_clone(tmp_path: Path) -> None:
    clone = tmp_path / "aivp"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True, capture_output=True)
    somebody = Somebody(tmp_path, clone, ["aivp-validate"])
    code, said = somebody.commit(GOOD)
    if code and ("No matching distribution" in said or "ConnectionError" in said):
        pytest.skip("needs a package index")
    assert code == 0, said
    code, said = somebody.commit(GOOD.replace("content", "contents"))
    assert (code, "aivp.yaml:5" in said) == (1, True), said
