"""The story of `make demo-ssh`: empty Debians of three releases become web servers over SSH, and are empty again."""

from __future__ import annotations

import shlex
from pathlib import Path

from demo.stage import Failed, Stage
from tests import lab

PROJECT = Path(__file__).with_name("fleet")
_HOSTS = {"web1": "bullseye", "web2": "bookworm", "web3": "trixie"}
_PORT = 8080
_FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"


def missing() -> str | None:
    """Why this story cannot be told here; None if it can."""
    reasons = (lab.network_available(suite) for suite in _HOSTS.values())
    return next((reason for reason in reasons if reason is not None), None)


def play(stage: Stage) -> None:
    """Raises Failed or LabError."""
    stage.take_project(PROJECT)
    stage.say(
        """Three throwaway hosts with systemd and sshd in a private network: Debian 11, 12 and 13. The first time their
        roots are built from Debian packages, which can take some minutes; after that they start within seconds."""
    )
    with lab.network() as network:
        hosts = network.hosts(_HOSTS)
        stage.prefix = network.argv
        # OpenSSH reads ~/.ssh/config by itself; the demo has one of its own, with its own key and known hosts.
        stage.environ["AIVP_SSH"] = shlex.join(["ssh", "-F", str(network.client.config)])
        stage.say("They run, they are empty, and they know one key, of an account that may use sudo:")
        for host in hosts:
            release = f"{host.name}  {host.address}  Debian {host.host.suite}"
            stage.show(f"{release:<34}{host.host.run(['python3', '-V']).stdout.strip()}")
        _declare(stage)
        _apply(stage, network)
        _meddle(stage, network)
        _destroy(stage, network)
    stage.say("The hosts and their network are gone, too. Their roots stay in the cache (~/.cache/aivp/lab).")


def _declare(stage: Stage) -> None:
    stage.say("What shall be, on each host of a group. A host is an address, an account and how it becomes root:")
    stage.show((stage.project / "aivp.yaml").read_text(encoding="utf-8"))
    stage.say(
        """A plan looks at all hosts at once, in one session each, through the system's own ssh: configuration,
        agent, keys and known hosts are those of the person. Nothing changes yet."""
    )
    stage.aivp("plan -o plan.json")


def _apply(stage: Stage, network: lab.Network) -> None:
    stage.say("Apply does exactly this plan, on the three hosts side by side.")
    stage.aivp("apply plan.json")
    _show_pages(stage, network)
    stage.say("Once more: there is nothing left to do.")
    stage.aivp("plan")


def _meddle(stage: Stage, network: lab.Network) -> None:
    _, web2, _ = network.all
    stage.say("Somebody meddles with one of them by hand:")
    for command in ("echo hacked > /srv/www/index.html", "systemctl stop nginx"):
        stage.show(f"{web2.name}# {command}")
        web2.host.run(["sh", "-c", command])
    stage.say("aivp finds what drifted and where, with exit code 2, and one apply mends it.")
    stage.aivp("drift", code=2)
    stage.aivp("apply -y")
    _show_pages(stage, network)


def _destroy(stage: Stage, network: lab.Network) -> None:
    stage.say("Destroy takes away what aivp created, in reverse order, and nothing else.")
    stage.aivp("destroy -y")
    left = "ls -d /srv/www /usr/sbin/nginx 2>/dev/null; id webmaster 2>/dev/null; true"
    for host in network.all:
        found = host.host.run(["sh", "-c", left]).stdout
        if found:
            raise Failed(f"destroy left something behind on {host.name}: {found}")
    stage.say("No page, no nginx, no user, on any of them.")


def _show_pages(stage: Stage, network: lab.Network) -> None:
    stage.say("Asked over the network:")
    for host in network.all:
        address = f"http://{host.address}:{_PORT}/"
        page = stage.answer(["python3", "-c", _FETCH, address])
        stage.show(f"GET {address}  {page.strip().splitlines()[-1]}")
