"""The story for everybody else: a folder of files from templates and a command, meddled with and mended."""

from __future__ import annotations

from pathlib import Path

from demo.stage import Failed, Stage

PROJECT = Path(__file__).with_name("folder")


def play(stage: Stage, reason: str) -> None:
    """`reason`: why there is no throwaway host. Raises Failed."""
    stage.take_project(PROJECT)
    stage.say(f"SKIPPED: the web server in a throwaway systemd host, since {reason}.")
    stage.say("The same story with a folder of files and a command, on this machine, in a temporary folder:")
    site = stage.scratch / "site"
    stage.environ["AIVP_VAR_folder"] = str(site)
    stage.show((stage.project / "aivp.yaml").read_text(encoding="utf-8"))
    stage.say("A plan says what apply would do, and becomes a file to review. Nothing changes yet.")
    stage.aivp("plan -o plan.json")
    stage.say("Apply does exactly this plan, and would refuse if the folder had changed since.")
    stage.aivp("apply plan.json")
    _list(stage, site)
    stage.say("Once more: there is nothing left to do.")
    stage.aivp("plan")
    _meddle(stage, site)
    stage.say("Destroy takes away what aivp created, in reverse order, and nothing else.")
    stage.aivp("destroy -y")
    if site.exists():
        raise Failed("destroy left the folder behind")


def _meddle(stage: Stage, site: Path) -> None:
    stage.say("Somebody meddles with it by hand:")
    stage.show("$ echo hacked > site/blog.html; rm site/shop.html")
    (site / "blog.html").write_text("hacked\n", encoding="utf-8")
    (site / "shop.html").unlink()
    stage.say("aivp finds what drifted, says so with exit code 2, and one apply mends it.")
    stage.aivp("drift", code=2)
    stage.aivp("apply -y")
    _list(stage, site)


def _list(stage: Stage, site: Path) -> None:
    stage.say("What is there now:")
    for path in sorted(site.iterdir()):
        stage.show(f"{path.name}: {' '.join(path.read_text(encoding='utf-8').split())}")
