"""A container without systemd as a person has it: plan, apply, drift and discover, first with apt, then with dnf."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.examples.project import Project

pytestmark = pytest.mark.lab

DEBIAN = """\
  package_index.apt: {}
  package.cowsay: {}
  service.fstrim: {name: fstrim.timer, running: true, when: {host.facts.init: systemd}}
  service.cron: {running: true, enabled: true, when: {host.facts.init: init-scripts}}
  service.nginx: {running: true, enabled: false}
  file.job: {path: /etc/cron.d/job, content: "# none\\n", notify: [service.cron]}
"""
RPM = """\
  package_index.dnf: {max_age: 1d, when: {host.facts.package_manager: dnf}}
  package.probe: {name: aivp-probe, version: "1.*"}
  package.extra: {name: aivp-extra}
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[[lab.Host, str], Project]:
    def project(host: lab.Host, resources: str) -> Project:
        folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        hosts = f"hosts: {{box: {{transport: exec, command: {json.dumps(host.argv)}}}}}"
        text = f"aivp: v1\nproject: {folder.name}\ninclude: ['found/*.yaml']\n{hosts}\nresources:\n{resources}"
        (folder / "aivp.yaml").write_text(text)
        (folder / "found").mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return Project(folder, {"PATH": path, "HOME": str(tmp_path)})

    return project


def test_a_plain_container(make: Callable[[lab.Host, str], Project]) -> None:
    reason = lab.plain_available()
    if reason is not None:
        pytest.skip(reason)
    with lab.plain_host() as host:
        project = make(host, DEBIAN)
        shown = project.apply_as_planned()
        assert "fstrim" not in shown
        assert "service.cron@box: notified by file.job@box" in shown
        host.run(["service", "nginx", "stop"])
        project.mends("service.nginx@box")
        project.aivp("discover service@box -o found/service.yaml")
        assert "nginx" not in (project.folder / "found/service.yaml").read_text()
        assert " > service.procps@box" in project.aivp("plan")

        host.become_rpm()
        project = make(host, RPM)
        project.aivp("apply -y")
        project.edit("aivp.yaml", 'version: "1.*"', 'version: "2.*", hold: true')
        assert "1.0-1" in project.aivp("plan")
        project.aivp("apply -y")
        host.run(["rpm", "-e", "aivp-extra"])
        project.mends("package.extra@box")
        project.nothing_to_do()
        assert "0 of kind package found on box; 2 more are declared" in project.aivp("discover package@box")
        project.aivp("destroy -y")
        assert host.run(["rpm", "-qa"]).stdout == ""
