"""Outputs and facts that do not fit where they go: told while planning, else by the step that they come to."""

from __future__ import annotations

from tests.e2e.faults.projects import HEAD, project
from tests.e2e.faults.world import World

FILE = """\
  file.a:
    path: "${var.root}/target/a"
    content: x
    mode: "${host.facts.memory}"
"""


def test_a_fact_that_does_not_fit_is_told_where_it_is_declared(world: World) -> None:
    world.declare(HEAD + FILE)
    refused = world.aivp("plan")
    assert refused.code == 1, refused.text
    assert "error[AIVP0302]: Invalid value\n  file.a@here.mode: expected text, found " in refused.text
    assert "It comes from here.facts.memory." in refused.text
    assert "aivp.yaml:10:11" in refused.text, "the field, not only the resource"


def test_an_output_that_is_foreseen_is_held_to_the_schema_before_apply(world: World) -> None:
    world.declare(
        project(
            """
            command.a: {shell: "true"}
            file.b: {path: "${var.root}/target/b", content: "x", mode: "${command.a.exit_code}"}
            """
        )
    )
    refused = world.aivp("apply", "-y")
    assert (refused.code, "file.b@here.mode: expected text, found 0." in refused.text) == (1, True), refused.text
    assert "It comes from command.a@here.exit_code." in refused.text


def test_one_that_only_apply_can_bring_fails_its_own_step(world: World) -> None:
    world.declare(
        project(
            """
            command.a: {shell: "echo not-a-mode"}
            file.b: {path: "${var.root}/target/b", content: "x", mode: "${command.a.stdout}"}
            file.c: {path: "${var.root}/target/c", content: "${command.a.stdout}"}
            """
        )
    )
    failed = world.aivp("apply", "-y")
    text = " ".join(failed.text.split())
    assert failed.code == 5, failed.text
    assert "/mode: a mode is quoted octal" in text
    assert "It comes from command.a@here.stdout." in text
    assert (world.target / "c").read_text() == "not-a-mode\n"
    assert not (world.target / "b").exists()
