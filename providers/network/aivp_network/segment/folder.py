"""The folder of one network: where what lies, written so that a reader sees the old or the new, under one lock.

The lock is shared by all networks of one place, since ports of the host are: who holds it does milliseconds of work.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from .problem import Refused

_MEMBERS = {"spec", "declared", "is_whole", "is_active"}


class Folder:
    """One network's folder, `PLACE/NAME`; it need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> Path:
        """The folder of all networks."""
        return self.path.parent

    @property
    def record(self) -> Path:
        """network.json: what was last applied."""
        return self.path / "network.json"

    @property
    def leases(self) -> Path:
        """leases.json: who has which address."""
        return self.path / "leases.json"

    def read_record(self) -> Optional[Dict[str, Any]]:
        """{version, spec, declared, is_whole, is_active, made_by, rules?}; None where there is none. Raises Refused."""
        found = read(self.record)
        if found is None:
            return None
        if not isinstance(found, dict) or not set(found) >= _MEMBERS:
            mend = "Put it back from a copy, or remove the folder where nothing of the network is needed."
            raise Refused(f"{self.record} is damaged", mend=mend)
        return found

    @property
    def others(self) -> List[Folder]:
        """The folders of the other networks of the place, by name."""
        if not self.place.is_dir():
            return []
        found = sorted(path for path in self.place.iterdir() if path != self.path and (path / "network.json").is_file())
        return [Folder(path) for path in found]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in the place: no other process changes a network of it meanwhile."""
        with locked(self.place / ".lock"):
            yield


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made where it is missing, together with its folder; the last network takes both along."""
    descriptor = _lock(path)
    try:
        yield
        with contextlib.suppress(OSError):
            if os.listdir(path.parent) == [path.name]:
                path.unlink()
                path.parent.rmdir()
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """The file that is there once it is locked, and not one that was removed while we waited."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def read(path: Path) -> Optional[Any]:
    """The JSON of a file; None where there is none. Raises Refused where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        mend = "Put it back from a copy, or remove it: then what it knew is lost."
        raise Refused(f"{path} is damaged: {error}", mend=mend) from None


def write(path: Path, form: Any) -> None:
    """Durable once this returns."""
    write_text(path, json.dumps(form, indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str, mode: int = 0o600) -> None:
    """As `write`, of any text; a file that is so already is left alone."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
            return
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        new.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)
