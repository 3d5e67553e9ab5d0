"""The ticket provider as an installed package, and its server in this process."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aivp_contract.manifest import read_manifest
from aivp_contract.values import Secret
from aivp_runner.conversation import Program
from aivp_runner.external import External

from aivp.hosts.bundle import bundle
from aivp.hosts.trial import unpack
from aivp.plugins.registry import Provider

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples/providers/tickets"
TOKEN = "sesame-4711-token"

PROJECT = """\
aivp: v1
project: support
environments: {main: {}, dev: {}}
variables: {url: {type: string}}
secrets: {t: {env: TICKETS_TOKEN}}
providers:
  tickets: {url: "${var.url}", token: "${secret.t}"}
resources:
  tickets/project.web: {title: The web site}
  tickets/project.ops: {title: "after ${tickets/project.web.id}"}
"""


@contextmanager
def serving() -> Iterator[Any]:
    """The example's own server, on a free port."""
    spec = importlib.util.spec_from_file_location("ticket_server", FOLDER / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.Tickets(0, TOKEN)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def install(site: Path) -> None:
    """As an installer leaves an editable package: the metadata, and a way to its modules."""
    metadata = site / "aivp_provider_tickets-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: aivp-provider-tickets\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[aivp.providers]\ntickets = aivp_tickets:manifest.json\n")
    (site / "aivp_tickets").symlink_to(FOLDER / "aivp_tickets")


@dataclass
class Place:
    """A machine with a checkout: `host` is where its runner remembers."""

    root: Path
    host: Path
    site: Path
    url: str
    token: str = TOKEN

    def environ(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.host),
            "PYTHONPATH": str(self.site),
            "AIVP_HOST_STATE": str(self.host),
            "AIVP_VAR_url": self.url,
            "TICKETS_TOKEN": self.token,
        }

    def aivp(self, *words: str, env: str = "main") -> tuple[int, str]:
        """Exit code and all that was said."""
        done = subprocess.run(
            self.argv(*words, env=env), env=self.environ(), capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    def argv(self, *words: str, env: str = "main") -> list[str]:
        return [str(Path(sys.executable).with_name("aivp")), words[0], "-C", str(self.root), "-e", env, *words[1:]]


@contextmanager
def external(folder: Path, url: str) -> Iterator[External]:
    """The provider's process as a runner starts it, from the bundle that would be shipped."""
    document = json.loads((FOLDER / "aivp_tickets/manifest.json").read_text())
    manifest = read_manifest(document)
    shipped = bundle(Provider("tickets", manifest, "", document, "aivp_tickets", FOLDER / "aivp_tickets"))
    unpack(shipped, folder / "code")
    (folder / "own").mkdir()
    argv = [part.replace("{folder}", str(folder / "code")) for part in shipped.start["any"]]
    token = Secret({"secret": "t", "version": "1"}, TOKEN)
    program = Program(manifest, [sys.executable, *argv[1:]], str(folder / "own"), {"url": url, "token": token})
    found = External(program, lambda *_: None)
    try:
        yield found
    finally:
        found.close()
