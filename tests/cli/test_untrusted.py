"""--untrusted: a stranger's project is planned, and nothing that its author wrote has run."""

from __future__ import annotations

import json
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.engine import Engine, asking, running
from aivp.model.evidence import read_evidence
from aivp.plan.options import Options
from aivp.plan.steps import Plan
from aivp.plugins.registry import Registry

PROJECT = """\
aivp: v1
project: strange
hosts:
  here: {{transport: local}}
  there: {{transport: exec, command: [touch, {mark}]}}
secrets: {{s: {{command: [touch, {mark}]}}}}
resources:
  file.plain: {{host: here, path: {folder}/plain, content: x}}
  file.secret: {{host: here, path: {folder}/secret, content: "${{secret.s}}"}}
  file.far: {{host: there, path: /far}}
  command.guarded: {{host: here, argv: ["true"], unless: [touch, {mark}]}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIVP_HOST_STATE", str(tmp_path / "host"))
    found = tmp_path / "project"
    found.mkdir()
    (found / "aivp.yaml").write_text(PROJECT.format(folder=tmp_path, mark=tmp_path / "mark"))
    return found


def planned(engine: Engine) -> Plan:
    with engine.sessions() as sessions:
        return engine.plan(asking.observe(engine, sessions), Options())


def test_nothing_of_the_authors_runs_and_the_plan_says_what_is_unknown(root: Path, tmp_path: Path) -> None:
    plan = planned(Engine(root, is_untrusted=True))
    assert not (tmp_path / "mark").exists()
    assert list(plan.notes) == [
        "--untrusted: command.guarded@here was not observed, since it has a guard (unless)",
        "--untrusted: file.secret@here was observed without its secrets (content)",
        "--untrusted: there was not asked, since its channel is the project's choice (exec)",
    ]
    assert not plan.is_applicable


def test_it_applies_nothing_not_even_a_plan_that_could_be(root: Path) -> None:
    (root / "aivp.yaml").write_text("aivp: v1\nproject: calm\nhosts: {here: {transport: local}}\n")
    body = planned(Engine(root)).encode()
    engine = Engine(root, is_untrusted=True)
    with closing(engine.state()) as state, engine.sessions() as sessions, pytest.raises(Refused) as caught:
        running.begin(engine, body, state, sessions, lambda event: None)
    assert [item.code for item in caught.value.diagnostics] == ["AIVP0503"]
    assert caught.value.exit_code == 4


def test_a_third_partys_provider_is_not_started(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "site"
    install(path)
    monkeypatch.syspath_prepend(str(path))
    (root / "aivp.yaml").write_text(
        "aivp: v1\nproject: p\nhosts: {here: {transport: local}}\nresources:\n  acme/thing.x: {}\n"
    )
    engine = Engine(root, is_untrusted=True)
    assert list(engine.ir.resources) == ["acme/thing.x@here"]
    with pytest.raises(Refused) as caught:
        planned(engine)
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.span)) == ("AIVP0416", "aivp.yaml:5:3")
    assert "does not come with aivp" in found.why


def test_a_name_of_ours_makes_no_provider_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what comes with aivp is shipped to run inside the runner."""
    install(tmp_path, "agent")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Registry.discover().providers.values()
    assert {item.name for item in found if item.is_first_party} <= {"host", "image", "network", "vm"}
    assert [item.name for item in found if item.is_hosted] == ["host"]


def install(path: Path, name: str = "acme") -> None:
    """A distribution that registers a provider with one kind."""
    manifest = json.loads(resources.files("aivp_host").joinpath("manifest.json").read_text("utf-8"))
    manifest |= {"name": name, "kinds": {f"{name}/thing": manifest["kinds"]["noop"]}}
    files = {
        "acme_things/manifest.json": json.dumps(manifest, sort_keys=True, separators=(",", ":")),
        "acme_things-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-things\nVersion: 1\n",
        "acme_things-1.dist-info/entry_points.txt": "[aivp.providers]\nx = acme_things:manifest.json\n",
        "acme_things/__init__.py": "raise RuntimeError('imported')\n",
    }
    for file, text in files.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_text(text)


def test_evidence_from_untrusted_says_so_and_no_plan_from_it_can_be_applied(root: Path) -> None:
    cautious = Engine(root, is_untrusted=True)
    with cautious.sessions() as sessions:
        recorded = asking.observe(cautious, sessions).encode()
    assert json.loads(recorded)["untrusted"] is True
    later = Engine(root)
    plan = later.plan(read_evidence(recorded), Options())
    assert (plan.is_applicable, list(plan.notes)) == (False, list(planned(cautious).notes))
    with closing(later.state()) as state, later.sessions() as sessions, pytest.raises(Refused, match="AIVP0503"):
        running.begin(later, plan.encode(), state, sessions, lambda _: None)
