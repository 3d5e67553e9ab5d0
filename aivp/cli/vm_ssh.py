"""vm ssh: a person's own ssh into a VM, with the host keys that came over the guest channel and no others."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.model.vms import Vm

_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]{1,60} [A-Za-z0-9+/]{32,4000}={0,3}")

_RELAY = """
import os, select, socket, sys
address, port, *way = sys.argv[1:]
try:
    link = socket.create_connection((address, int(port)), 3) if address else None
except OSError as error:
    link = None
    if not way:
        sys.exit("%s port %s: %s" % (address, port, error))
if link is None:
    os.execvp(way[0], way)
link.settimeout(None)
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
inputs = [0, link]
while link in inputs:
    for ready in select.select(inputs, [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else link.recv(65536)
        if not data:
            inputs.remove(ready)
            if ready == 0:
                link.shutdown(socket.SHUT_WR)
        elif ready == 0:
            link.sendall(data)
        else:
            while data:
                data = data[os.write(1, data):]
"""


@click.command("ssh")
@click.argument("vm", metavar="VM")
@click.argument("argv", metavar="[-- ARGV...]", nargs=-1, type=click.UNPROCESSED)
@click.option("-l", "--login", "user", metavar="USER", help="Whom to log in as.  [default: as ssh chooses]")
@click.option("-p", "--port", type=click.IntRange(1, 65535), default=22, show_default=True)
@click.option("-i", "--identity", metavar="FILE", help="The private key to log in with.")
@click.option("--by-helper", is_flag=True, help="Do not try its address: go in by the guest helper.")
@project_options
def ssh_command(
    settings: Settings,
    vm: str,
    argv: tuple[str, ...],
    user: str | None,
    port: int,
    identity: str | None,
    by_helper: bool,
) -> None:
    """Log in to a VM with ssh, from its host: by its address, else through the guest helper, which needs no network.

    Only the host keys that the guest helper told count. Whatever stands behind -- is run there instead of a shell.
    """
    import os
    import tempfile

    from aivp.cli.vm import opened
    from aivp.hosts.calling import stand_back
    from aivp.hosts.channel import terminal_channel
    from aivp.hosts.ssh import login_by

    with opened(settings) as (found, _):
        meant = found.one(vm)
        alias = f"aivp-{meant.name}-{meant.text('instance')[:8] or 'vm'}"
        keys = host_keys(meant)
        words = [*(["-l", user] if user else []), *(["-i", identity] if identity else [])]
        relay = terminal_channel(meant.host, relaying(meant, str(port), by_helper), found.withheld, is_terminal=False)
        with tempfile.NamedTemporaryFile("w", prefix="aivp-known-hosts-") as file:
            file.writelines(f"{alias} {key}\n" for key in keys)
            file.flush()
            terminal = ["-t"] if argv and sys.stdin.isatty() and sys.stdout.isatty() else []
            asked = login_by(relay.argv, file.name, alias, [*terminal, *words, "--", alias, *argv])
            environment = {name: text for name, text in os.environ.items() if name not in found.withheld}
            code = stand_back(asked, environment, "`ssh`", meant.host)
    raise click.exceptions.Exit(code)


def host_keys(vm: Vm) -> list[str]:
    """Its public host keys, as an apply recorded them. Raises Refused where there is none."""
    recorded = vm.outputs.get("host_keys")
    texts = [" ".join(str(item).split()[:2]) for item in recorded] if isinstance(recorded, list) else []
    keys = [text for text in texts if _KEY.fullmatch(text)]
    if not keys:
        why = f"No host key of {vm.title} is known: its guest helper has not told one, or sshd is not installed there."
        raise refusal("AIVP0988", why, "`aivp apply` records them; `aivp vm console` and `aivp vm exec` need none.")
    return keys


def relaying(vm: Vm, port: str, by_helper: bool) -> list[str]:
    """What joins our ssh with the sshd in it, run on its host."""
    within = [*vm.way_in, *_relay("127.0.0.1", port)]
    return [*_relay("" if by_helper else vm.text("address"), port), *within]


def _relay(address: str, port: str) -> Sequence[str]:
    import base64

    code = base64.b64encode(_RELAY.encode()).decode()
    return ["python3", "-I", "-c", f"import base64;exec(base64.b64decode('{code}'))", address, port]
