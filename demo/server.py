"""The story for root: an empty Debian becomes a web server, is meddled with, is mended, is empty again."""

from __future__ import annotations

import json
from pathlib import Path

from demo.stage import Failed, Stage
from tests import lab

PROJECT = Path(__file__).with_name("server")
_PORT = 8080
_FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"


def play(stage: Stage) -> None:
    """Raises Failed or LabError."""
    stage.take_project(PROJECT)
    stage.say(
        """A throwaway host: a Debian with systemd of its own, in namespaces of its own. The first one builds its root
        from Debian packages, which can take a minute; the next ones start within a second or two."""
    )
    with lab.host() as host:
        stage.environ["AIVP_VAR_channel"] = json.dumps(host.argv)
        stage.say(f"It runs, it is empty, and a command brings bytes there: {' '.join(host.argv[:4])} …")
        _declare(stage)
        _apply(stage, host)
        _meddle(stage, host)
        _destroy(stage, host)
    stage.say("The host is gone, too. Its root stays in the cache (~/.cache/aivp/lab) for the next demo and the tests.")


def _declare(stage: Stage) -> None:
    stage.say("What shall be (in no order; aivp knows that packages come before files and files before services):")
    stage.show((stage.project / "aivp.yaml").read_text(encoding="utf-8"))
    stage.say("A plan says what apply would do, and becomes a file to review. Nothing changes yet.")
    stage.aivp("plan -o plan.json")


def _apply(stage: Stage, host: lab.Host) -> None:
    stage.say("Apply does exactly this plan, and would refuse if the host had changed since.")
    stage.aivp("apply plan.json")
    _show_page(stage, host)
    stage.say("Once more: there is nothing left to do.")
    stage.aivp("plan")
    stage.say("A variable changes, so one file does, and nginx reloads, since that file notifies it.")
    stage.aivp("apply -y --var gzip=true")


def _meddle(stage: Stage, host: lab.Host) -> None:
    stage.say("Somebody meddles with the host by hand:")
    for command in ("echo hacked > /srv/www/index.html", "systemctl stop nginx", "usermod --shell /bin/bash webmaster"):
        stage.show(f"{host.name}# {command}")
        host.run(["sh", "-c", command])
    stage.say("aivp finds what drifted, says so with exit code 2, and one apply mends it.")
    stage.aivp("drift --var gzip=true", code=2)
    stage.aivp("apply -y --var gzip=true")
    _show_page(stage, host)


def _destroy(stage: Stage, host: lab.Host) -> None:
    stage.say("Destroy takes away what aivp created, in reverse order, and nothing else.")
    stage.aivp("destroy -y")
    left = [
        path for path in ("/srv/www", "/usr/sbin/nginx") if host.run(["test", "-e", path], check=False).returncode == 0
    ]
    if left or host.run(["id", "webmaster"], check=False).returncode == 0:
        raise Failed(f"destroy left something behind: {left}")
    stage.say("No page, no nginx, no user.")


def _show_page(stage: Stage, host: lab.Host) -> None:
    address = f"http://localhost:{_PORT}/"
    stage.say(f"Asked from inside the host: GET {address}")
    stage.show(host.run(["python3", "-c", _FETCH, address]).stdout)
