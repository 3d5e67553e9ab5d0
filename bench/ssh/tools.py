"""Each tool on the same files and hosts: its project, its command for each operation, and how it forgets all of it.

What each of them does to a file is in docs/benchmarks.md. All of them are told to hold content, owner, group and mode.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.measure import AIVP
from bench.ssh.peers import Peers
from bench.ssh.site import MODE, OWNER, Site, contents

OPERATIONS = ("dry run", "from empty", "no-op")
REMOTE = "/srv/bench"

_STUB = 'import json,sys;m=json.load(sys.stdin);exec(m["program"],{"message":m})'
_FORGET = 'test ! -d "$1" || find "$1" -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +'
_HOST_STATE = "/var/lib/aivp"


class Tool(Protocol):
    """`most`: rounds in which it takes part."""

    name: str
    most: int

    @property
    def folder(self) -> Path:
        """Where its project is."""

    @property
    def place(self) -> str:
        """The folder on hosts."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What its commands need beyond what all get."""

    def prepare(self) -> None:
        """Write the project."""

    def reset(self) -> None:
        """Forget everything but what the tool caches by itself; the folder on hosts is empty then."""

    def before(self) -> None:
        """Just before an operation is measured."""

    def argv(self, operation: str) -> Sequence[str]:
        """The command of an operation, in the network."""


@dataclass
class _Tool:
    name: str
    site: Site
    count: int
    most: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.site.folder / f"{self.count}-{self.name.replace(' ', '-').replace(',', '')}"

    @property
    def place(self) -> str:
        return f"{REMOTE}/{self.folder.name}"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True)

    def reset(self) -> None:
        self.site.empty(self.place)

    def before(self) -> None:
        """Nothing."""

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


@dataclass
class Floor(_Tool):
    """One python3 per host over the system's ssh, side by side; everything it needs comes as one JSON message."""

    def prepare(self) -> None:
        super().prepare()
        program = Path(__file__).with_name("floor.py").read_text(encoding="utf-8")
        told = {
            "program": program + "\nmain(message)\n",
            "folder": self.place,
            "owner": 0,
            "group": 0,
            "mode": int(MODE, 8),
        }
        for write in (True, False):
            message = json.dumps({**told, "files": dict(contents(self.count)), "write": write})
            command = shlex.join(["ssh", "-F", str(self.site.config), "-T", "--"])
            remote = shlex.quote(f"exec python3 -I -S -c {shlex.quote(_STUB)}")
            names = [host.name for host in self.site.hosts]
            calls = [f"{command} {name} {remote} <{write}.json &\na{index}=$!" for index, name in enumerate(names)]
            waits = [f"wait $a{index} || exit" for index in range(len(names))]
            self.write(f"{write}.json", message)
            self.write(f"{write}.sh", "\n".join([*calls, *waits]) + "\n")

    def argv(self, operation: str) -> Sequence[str]:
        return ["sh", f"{operation != 'dry run'}.sh"]


@dataclass
class Aivp(_Tool):
    """As a user types it. is_cold: before each command the runner is taken out of the hosts' caches."""

    is_cold: bool = False

    def prepare(self) -> None:
        super().prepare()
        self.environment = {"AIVP_SSH": shlex.join(["ssh", "-F", str(self.site.config)])}
        write_project(self.folder, [host.name for host in self.site.hosts], self.count, self.place)

    def reset(self) -> None:
        super().reset()
        shutil.rmtree(self.folder / ".aivp", ignore_errors=True)
        self.site.run("sh", "-c", _FORGET, "sh", _HOST_STATE)

    def before(self) -> None:
        if self.is_cold:
            self.site.run("rm", "-rf", f"{_HOST_STATE}/cache")

    def argv(self, operation: str) -> Sequence[str]:
        return [AIVP, "plan"] if operation == "dry run" else [AIVP, "apply", "-y"]


def write_project(folder: Path, hosts: Sequence[str], count: int, place: str) -> None:
    """An aivp.yaml of `count` files on each host."""
    lines = ["aivp: v1", "project: bench", "hosts:", *(f"  {host}: {{transport: ssh}}" for host in hosts)]
    lines.append("resources:")
    for host in hosts:
        for name, text in contents(count).items():
            lines += [
                f"  file.{host}-{name}:",
                f"    host: {host}",
                f"    path: {place}/{name}",
                f"    content: {json.dumps(text)}",
                f"    owner: {OWNER}",
                f"    group: {OWNER}",
                f'    mode: "{MODE}"',
            ]
    (folder / "aivp.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass
class Pyinfra(_Tool):
    """`files.put` once per file."""

    peers: Peers = field(kw_only=True)

    def prepare(self) -> None:
        super().prepare()
        client = self.site.network.client
        told = {"ssh_user": "root", "ssh_key": str(client.identity), "ssh_known_hosts_file": str(client.known_hosts)}
        hosts = [(host.name, {**told, "ssh_hostname": host.address}) for host in self.site.hosts]
        self.write("inventory.py", f"hosts = {hosts!r}\n")
        put = (
            "from io import StringIO\n\nfrom pyinfra.operations import files\n\n"
            f"for name, text in {dict(contents(self.count))!r}.items():\n"
            f"    files.put(name=name, src=StringIO(text), dest={self.place + '/'!r} + name, "
            f"user={OWNER!r}, group={OWNER!r}, mode={MODE.lstrip('0')!r})\n"
        )
        self.write("deploy.py", put)

    def argv(self, operation: str) -> Sequence[str]:
        asked = ["--dry"] if operation == "dry run" else ["-y"]
        return [self.peers.program("pyinfra"), *asked, "inventory.py", "deploy.py"]


@dataclass
class Ansible(_Tool):
    """`copy` in a loop; facts are not gathered, and the interpreter is given: both to its advantage."""

    peers: Peers = field(kw_only=True)
    pipelining: bool = False
    mitogen: bool = False

    def prepare(self) -> None:
        super().prepare()
        python = "ansible_user=root ansible_python_interpreter=/usr/bin/python3"
        hosts = [f"{host.name} ansible_host={host.address} {python}" for host in self.site.hosts]
        self.write("inventory.ini", "\n".join(hosts) + "\n")
        strategy = self.peers.module("ansible_mitogen") / "plugins/strategy"
        chosen = f"strategy_plugins = {strategy}\nstrategy = mitogen_linear\n" if self.mitogen else ""
        connection = f"[ssh_connection]\nssh_common_args = -F {self.site.config}\npipelining = {self.pipelining}\n"
        self.write("ansible.cfg", f"[defaults]\ninventory = inventory.ini\n{chosen}{connection}")
        copy = {
            "dest": f"{self.place}/{{{{ item.key }}}}",
            "content": "{{ item.value }}",
            "mode": MODE,
            "owner": OWNER,
            "group": OWNER,
        }
        tasks = [{"name": "files", "copy": copy, "loop": "{{ files | dict2items }}"}]
        play = {"hosts": "all", "gather_facts": False, "vars": {"files": dict(contents(self.count))}, "tasks": tasks}
        self.write("play.yml", json.dumps([play], indent=1))

    def argv(self, operation: str) -> Sequence[str]:
        return [self.peers.program("ansible-playbook"), "play.yml", *(["--check"] if operation == "dry run" else [])]


def tools(site: Site, count: int, peers: Peers, rounds: int, *, quick: bool = False) -> list[Tool]:
    """All of them, in the order of the report; others only where they could be installed, the slowest not if quick."""
    few = min(rounds, 1 if quick else 3)
    ours: list[Tool] = [
        Floor("floor", site, count, rounds),
        Aivp("aivp", site, count, rounds),
        Aivp("aivp, empty cache", site, count, few, is_cold=True),
    ]
    if peers.folder is None:
        return ours
    rivals: list[Tool] = [
        Pyinfra("pyinfra", site, count, few, peers=peers),
        Ansible("ansible, mitogen", site, count, few, peers=peers, mitogen=True),
    ]
    if quick:
        return [*ours, *rivals]
    slow: list[Tool] = [
        Ansible("ansible, pipelining", site, count, 1, peers=peers, pipelining=True),
        Ansible("ansible", site, count, 1, peers=peers),
    ]
    return [*ours, *rivals, *slow]
