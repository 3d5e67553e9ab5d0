"""The worked example of docs/guides/from-ansible.md: what ansible-playbook has made, aivp adopts without a change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.ssh.peers import peers
from tests import lab
from tests.e2e.ci import documents

SUITE = "bookworm"
VAULT = "ansible/group_vars/web/vault.yml"
PASSWORD = "correct-horse-battery"


class Move:
    """`tools`: of a folder with ansible's programs."""

    def __init__(self, folder: Path, network: lab.Network, tools: Path) -> None:
        self.folder = folder
        self.network = network
        config = network.client.config
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{tools}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(folder),
            "AIVP_SSH": " ".join([*network.argv, "ssh", "-F", str(config)]),
            "ANSIBLE_SSH_COMMON_ARGS": f"-F {config}",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / ".vault-password"),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=400, check=False,
        )  # fmt: skip
        said = done.stdout.decode()
        assert done.returncode == code, said
        assert PASSWORD not in said
        return said

    def play(self) -> str:
        command = ["ansible-playbook", "-i", "ansible/inventory.ini", "--skip-tags", "packages", "ansible/site.yml"]
        return self.run(*self.network.argv, *command)


@pytest.fixture
def move(tmp_path: Path) -> Iterator[Move]:
    if (reason := lab.network_available(SUITE)) is not None:
        pytest.skip(reason)
    found = peers()
    if found.folder is None:
        pytest.skip(f"needs ansible-core from PyPI: {found.reason}")
    documents.write("from-ansible.md", tmp_path)
    (tmp_path / ".vault-password").write_text("of the vault\n")
    (tmp_path / ".vault-password").chmod(0o600)
    with lab.network() as network:
        network.hosts({"web1": SUITE, "web2": SUITE})
        moved = Move(tmp_path, network, found.folder / "bin")
        moved.run("ansible-vault", "encrypt", VAULT)
        for found_host in network.all:  # as its task does, which needs python3-apt there; the hosts' mirror has none
            install = "apt-get update -q && apt-get install -q -y --no-install-recommends nginx-light cron tree"
            assert found_host.host.run(["sh", "-c", install]).returncode == 0
        yield moved


@pytest.mark.lab
def test_a_role_moves(move: Move) -> None:
    assert "failed=0" in move.play()
    said = move.run("aivp", "hosts", "record", "-o", "inventory.yaml", "--from-ansible", "ansible/inventory.ini")
    assert "vault" in said, said
    said = move.run("aivp", "plan", "-o", "plan.json")
    assert not any(line.strip().startswith(("+", "~", "-", "!")) for line in said.splitlines()), said
    assert "to adopt, 4 unchanged" in said, said
    move.run("aivp", "apply", "plan.json")
    assert "No changes" in move.run("aivp", "plan", "--detailed-exitcode")
    again = move.play()
    assert again.count("changed=0") == 2, again
    text = (move.folder / "aivp.yaml").read_text()
    (move.folder / "aivp.yaml").write_text(text.replace("  file.nightly:", "  # file.nightly:"))
    assert "to forget" in move.run("aivp", "plan")
    assert os.path.exists(move.folder / ".aivp")
