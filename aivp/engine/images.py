"""What people ask of the images on hosts: to list, fetch, check and remove them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.engine.asking import reachable
from aivp.engine.engine import Engine
from aivp.model.resource import Host

if TYPE_CHECKING:
    from aivp.hosts.errand import Errand
    from aivp.hosts.sessions import Sessions

KIND = "image"
MODULE = "aivp_image.errands"

Tell = Callable[[str, int | None, int | None], None]
"""What is being done, how much of it, of how much."""


def hosts_of_images(engine: Engine, chosen: str | None) -> list[Host]:
    """The hosts that are meant: those named, else those with images, else the only one. Raises Refused."""
    from aivp.hosts.selection import EVERY, select

    if chosen is not None:
        return reachable(engine, select(chosen, engine.ir.hosts, engine.compiled.groups))
    names = {item.host for item in engine.ir.resources.values() if item.kind == KIND}
    if not names:
        found = select(EVERY, engine.ir.hosts, engine.compiled.groups)
        if len(found) > 1:
            why = f"No image is declared, and there is more than one host: {', '.join(item.name for item in found)}."
            raise refusal("AIVP0212", why, "Say which: --host NAME.")
        return reachable(engine, found)
    return reachable(engine, [engine.ir.hosts[name] for name in sorted(names)])


@contextmanager
def store(engine: Engine, host: Host, sessions: Sessions) -> Iterator[Store]:
    """The images on a host, for questions. Raises Refused."""
    from aivp.hosts.errand import errand

    if engine.is_untrusted:
        raise refusal("AIVP0503", "--untrusted runs nothing on any host.")
    opener = engine.opener(engine.ir.secrets)
    sessions.reveal = opener.reveal
    configuration = opener.configuration(engine.ir.providers, KIND)
    folder = configuration.get("folder")
    params: dict[str, Json] = {"folder": folder} if isinstance(folder, str) else {}
    with errand(host, engine.equipment.bundle(KIND), MODULE, sessions, "AIVP0675") as found:
        yield Store(found, params)


class Store:
    """The images of one host."""

    def __init__(self, errand: Errand, params: Mapping[str, Json]) -> None:
        self._errand = errand
        self._params = params

    def ask(self, method: str, tell: Tell | None = None, **params: Json) -> Mapping[str, Json]:
        """The answer, `items` in it a list. Raises Refused."""

        def listen(name: str, said: Json) -> None:
            if tell is not None and name == "progress" and isinstance(said, dict):
                done, total = (said.get(key) if type(said.get(key)) is int else None for key in ("done", "total"))
                tell(str(said.get("message", ""))[:200], done, total)

        return self._errand.ask(method, {**self._params, **params}, listen)

    def items(self, method: str, tell: Tell | None = None, **params: Json) -> Sequence[Mapping[str, Json]]:
        """The items of an answer that are objects."""
        return [item for item in self.ask(method, tell, **params)["items"] if isinstance(item, dict)]
