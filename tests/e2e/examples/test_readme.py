"""What README.md shows is what aivp does: its first project, and the picture of the plan of the web server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.site.screen import drawn, on_a_terminal
from tests import lab
from tests.e2e.examples.project import EXAMPLES, Project

README = EXAMPLES.parent / "README.md"
PICTURE = EXAMPLES.parent / "docs/pictures/plan.svg"


def block(language: str) -> str:
    """The one fenced block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_first_project_works_as_pasted(example: Callable[..., Project], tmp_path: Path) -> None:
    environ = example("01-hello-file").environ
    folder = tmp_path / "first"
    script = block("sh").replace("/tmp/first", str(folder)).replace(".venv/bin/aivp apply", "aivp apply -y")
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=environ, check=True)
    assert (folder / "site" / "shop.txt").read_text(encoding="utf-8").startswith("Shop runs on ")

    project = Project(folder, environ)
    (folder / "site" / "shop.txt").write_text("tampered\n", encoding="utf-8")
    project.mends("file.page[shop]@here")
    project.aivp("destroy -y")
    assert not (folder / "site").exists()


@pytest.mark.lab
def test_the_picture_of_the_plan_is_the_real_one(example: Callable[..., Project], host: lab.Host) -> None:
    project = example("02-web-server", host)
    command = [str(Path(sys.executable).with_name("aivp")), "plan"]
    svg = drawn(on_a_terminal(command, project.folder, project.environ, 100), "aivp plan", 100)
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        PICTURE.write_text(svg, encoding="utf-8")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert PICTURE.read_text(encoding="utf-8") == svg, "AIVP_UPDATE_GOLDEN=1 draws it anew"
