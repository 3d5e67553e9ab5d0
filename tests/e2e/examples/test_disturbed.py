"""What one step brings, a later one on the same host must not take for a world that changed behind the plan's back."""

from __future__ import annotations

import pytest

from tests import lab
from tests.e2e.examples.test_examples import CopyExample

PROJECT = """\
aivp: v1
project: disturbed
variables: {channel: {type: list, items: {type: string}}}
hosts: {web: {transport: exec, command: "${var.channel}"}}
resources:
  file.unit:
    path: /etc/systemd/system/idler.service
    content: "[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=multi-user.target\\n"
    notify: [service.idler]
  service.idler: {running: true, enabled: true}
  package_index.apt: {}
  file.source: {path: /etc/apt/sources.list.d/none.list, content: "# nothing\\n", notify: [package_index.apt]}
  group.late: {gid: 5555}
  file.of-late: {path: /srv/of-late, group: late}
"""


@pytest.mark.lab
def test_a_unit_file_a_source_and_a_group_with_what_reads_them(example: CopyExample, host: lab.Host) -> None:
    """The host, which has no package to install here, is in order after one apply."""
    project = example("01-hello-file", host)
    (project.folder / "aivp.yaml").write_text(PROJECT)
    assert host.run(["sh", "-c", "touch /srv/of-late && chgrp 5555 /srv/of-late"]).returncode == 0
    project.apply_as_planned()
    assert host.run(["systemctl", "is-active", "idler"]).returncode == 0
