"""What somebody does with aivp in the first minutes, through every part that has to be in a wheel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.conftest import Place

PROJECT = """
aivp: v1
project: first
hosts: {here: {transport: local}}
secrets: {word: {generate: {length: 24}}}
resources:
  file.site: {host: here, path: %s/site, state: directory}
  file.page:
    host: here
    path: "${file.site.path}/page.txt"
    template: {inline: "{{ name | capitalize }} runs on {{ os }}.\\n"}
    vars: {name: blog, os: "${host.facts.os.id}"}
  file.word: {host: here, path: %s/site/word, content: "${secret.word}", mode: "0600"}
  command.once: {host: here, argv: ["true"]}
"""


@dataclass(frozen=True)
class Traveller:
    """Somebody in a project of their own. `aivp` starts the command."""

    place: Place
    aivp: Sequence[str]

    def arrive(self) -> None:
        """Write the project."""
        for folder in (self.project, self.things):
            folder.mkdir()
        (self.project / "aivp.yaml").write_text(PROJECT % (self.things, self.things))

    @property
    def project(self) -> Path:
        return self.place.folder / "project"

    @property
    def things(self) -> Path:
        return self.place.folder / "things"

    def run(self, command: str, code: int = 0) -> str:
        state = {"AIVP_HOST_STATE": str(self.place.folder / "host")}
        return self.place.run(*self.aivp, *command.split(), cwd=self.project, code=code, **state)


def short_journey(place: Place, *aivp: str) -> None:
    """The command is there, finds its provider, and ships it to a host."""
    traveller = Traveller(place, aivp)
    traveller.arrive()
    told = json.loads(traveller.run("version --json"))
    assert Path(told["folder"]).is_relative_to(place.folder)
    traveller.run("secrets key --new")
    traveller.run("apply -y")
    assert (traveller.things / "site/page.txt").read_text().startswith("Blog runs on ")


def journey(place: Place, *aivp: str) -> None:
    """From nothing to an applied project and back, each answer as it has to be."""
    traveller = Traveller(place, aivp)
    traveller.arrive()
    run, things = traveller.run, traveller.things
    assert run("--version").startswith("aivp ")
    told = json.loads(run("version --json"))
    assert Path(told["folder"]).is_relative_to(place.folder)
    assert told["commit"] is not None
    assert "Commands" in run("--help")
    assert "host " in run("providers list")
    assert "path" in run("providers show file")
    run("secrets key --new")
    assert "is valid" in run("validate")
    assert "file.page@here" in run("plan -o plan.json")
    run("apply plan.json")
    assert (things / "site/page.txt").read_text().startswith("Blog runs on ")
    assert len((things / "site/word").read_text()) == 24
    assert "No changes" in run("plan")
    assert "No changes" in run("drift")
    assert "aivp.yaml:" in run("explain file.page")
    assert "here" in run("hosts list")
    assert "ok" in run("hosts check")
    assert "python" in run("hosts facts")
    assert "file.page@here" in run("state list")
    assert "done" in run("runs list")
    examples = [line.split()[0] for line in run("init --list").splitlines() if line.startswith("  ")]
    assert len(examples) > 4
    for example in examples:
        run(f"init --from {example} begun-{example}")
    assert "file" in run("schema")
    assert run("completion bash")
    run("man -o pages")
    run("providers new acme")
    run("providers pack ./aivp-provider-acme -o packed")
    (things / "site/page.txt").write_text("changed\n")
    assert "it drifted" in run("drift", code=2)
    run("destroy -y")
    assert not (things / "site").exists()
