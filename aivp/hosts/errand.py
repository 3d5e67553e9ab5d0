"""A module of a provider that people, not plans, ask things of → a session with it on a host, by the host's channel.

It comes up as the runner does, from an archive that the same bootstrap caches and checks, and speaks the same lines.
But it is no runner: it takes no lock and no part in any run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.archive import Archive
from aivp.hosts.bundle import Bundle, Content
from aivp.hosts.channel import channel
from aivp.hosts.session import HostSession, Listener, Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.resource import Host

_STARTS = "aivp_runner.main"
"""What the bootstrap imports and calls."""


class Errand:
    """A program on a host that answers."""

    def __init__(self, session: HostSession, code: str) -> None:
        self.session = session
        self.code = code

    def ask(self, method: str, params: Mapping[str, Json], listener: Listener | None = None) -> Mapping[str, Json]:
        """The result of a request. Raises Refused, with our code where the other side says why it cannot."""
        try:
            found = self.session.request(method, params, listener)
        except Refusal as no:
            why, mend = (str(no.details.get(name) or "")[:2000] for name in ("why", "mend"))
            raise refusal(self.code, f"{self.session.host.name}: {why or 'it cannot'}.", mend) from None
        if not isinstance(found, dict) or not isinstance(found.get("items"), list):
            raise self.session.hostile(f"its answer to {method} is not one")
        return found


@contextmanager
def errand(host: Host, bundle: Bundle, module: str, sessions: Sessions, code: str) -> Iterator[Errand]:
    """Start `module` of the provider in `bundle` on a host. code: of a diagnostic for what it refuses.

    Raises Refused.
    """
    session = HostSession.start(
        host, channel(host, sessions.withheld, sessions.reveal), archive(bundle, module), sessions.silence
    )
    try:
        yield Errand(session, code)
    except BaseException:
        session.kill()
        raise
    finally:
        session.close()


def archive(bundle: Bundle, module: str) -> Archive:
    """The modules of a provider, started by the `main` of one of them."""
    modules = {name: _text(content) for name, content in _modules(bundle)}
    modules |= {"aivp_runner": "", "aivp_runner.__init__": "", _STARTS: f"from {module} import main\n"}
    data = canonical.encode({"modules": dict(sorted(modules.items()))})
    return Archive(data, hashlib.sha256(data).hexdigest(), {})


def _modules(bundle: Bundle) -> Iterator[tuple[str, Content]]:
    """Dotted names and texts; a package's own module also stands under `NAME.__init__`, which marks it as one."""
    for path, content in sorted(bundle.contents.items()):
        parts = path.removesuffix(".py").split("/")
        if not path.endswith(".py") or parts == ["__main__"]:
            continue
        if parts[-1] == "__init__":
            yield ".".join(parts[:-1]), content
            yield ".".join(parts), b""
        else:
            yield ".".join(parts), content


def _text(content: Content) -> str:
    return (content.read_bytes() if isinstance(content, Path) else content).decode()
