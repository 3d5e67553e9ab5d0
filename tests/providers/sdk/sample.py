"""A provider for tests of `serve`: things that are files, and every way to fail, chosen by the text of a thing.

Run as a program it serves; what it does it writes to `<path>.done`, a line each, so that a test can count effects.
"""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from aivp_sdk import (
    Canceled,
    Change,
    Done,
    Item,
    Kind,
    Listed,
    Observation,
    Permanent,
    Provider,
    RateLimited,
    Result,
    Session,
    Temporary,
    attribute,
)


@dataclass
class Configuration:
    """What people write for it."""

    region: str = attribute("Where it works.", default="here")
    token: Optional[str] = attribute("How it gets in.", sensitive=True)

    def __post_init__(self) -> None:
        if self.region == "nowhere":
            raise Permanent(
                f"there is no region {self.region} for {self.token}", path="/region", mend="Choose another."
            )


@dataclass
class Thing:
    """The declaration."""

    path: str = attribute("Where it lies.", required=True, semantic="path")
    text: Optional[str] = attribute("What it says, and what goes wrong.")
    size: Optional[int] = attribute("Its length.", computed=True)


class ThingKind(Kind[Thing]):
    """A file."""

    name = "sample/thing"
    schema = Thing
    identity = ("path",)
    batch = True

    def observe(self, item: Item[Thing], session: Session) -> Observation:
        text = item.desired.text or ""
        if text == "bug":
            raise KeyError("swordfish")
        if text == "odd":
            return Observation({"path": item.desired.path, "text": {"swordfish"}})
        wanted = {name: getattr(item.desired, name) for name in item.declared}
        path, observed = Path(item.desired.path), None
        if path.exists():
            found = path.read_text()
            observed = {"path": str(path), "text": found * 100_000 if found == "huge" else found, "size": len(found)}
        return Observation(observed, wanted, computed={"size": len(text)})

    def apply(self, change: Change[Thing], session: Session) -> Done:
        path, text = Path(change.desired.path), change.desired.text or ""
        _fail(text, session)
        if change.action == "delete":
            path.unlink(missing_ok=True)
            return Done()
        if text.startswith("sleep "):
            session.effect(["sh", "-c", f"echo x >> {path}.done; {text}"])
        if text == "odd":
            return Done({"size": {"swordfish"}})
        path.write_text(text)
        return Done({"size": len(text)})

    def list(self, within: None, session: Session) -> List[Listed]:
        folder = Path(session.configuration.region)
        if not folder.is_dir():
            raise Temporary(f"{folder} does not answer", delay=2)
        return [Listed({"path": str(path), "text": path.read_text()}) for path in folder.iterdir()]


class BatchKind(ThingKind):
    """Things that are made together."""

    name = "sample/batch"

    def apply_many(self, changes, session) -> List[Result]:  # type: ignore[no-untyped-def]
        session.log(f"{len(changes)} together")
        return [self.apply(change, session) for change in changes]


class AbreastKind(ThingKind):
    """Things that are made side by side."""

    name = "sample/abreast"
    at_once = 3


def _fail(text: str, session: Session) -> None:
    if text == "bug":
        raise KeyError("swordfish")
    if text == "bad":
        raise Permanent("it cannot be so", path="/text", mend="Say something else.")
    if text == "later":
        raise Temporary("not now", delay=1.5)
    if text == "busy":
        raise RateLimited("too many", delay=3)
    if text.startswith("wait "):
        session.progress("waiting", 1, 2)
        time.sleep(float(text.split()[1]))
    if text.startswith("until it stops"):
        while not session.is_stopped():
            time.sleep(0.02)
        if text.endswith("and give up"):
            raise Canceled("left as it is")
    if text == "timeout":
        session.log(f"{session.timeout:.0f} s left" if session.timeout is not None else "no limit")
    if text == "shout":
        session.log(f"I am {session.configuration.token} in {session.configuration.region}", "warning")
        print("this is not protocol")
        subprocess.run(["echo", "neither is this"], check=True)


PROVIDER = Provider("sample", "1.0.0", [ThingKind(), BatchKind(), AbreastKind()], Configuration)

if __name__ == "__main__":
    from aivp_sdk.serve import serve

    serve(PROVIDER)
