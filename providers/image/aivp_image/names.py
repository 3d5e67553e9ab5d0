"""Which image a declared name has: `names/NAME.json`, read and written whole. Holds no secret, only a seal of them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .plain import canonical

_COST = 2**14


@dataclass(frozen=True)
class Named:
    """What is known of one name.

    digest: its image; fields: the declaration that it was made from, secrets blanked; shown: its source's field as the
    plan showed it; seals: field → a salted scrypt of its secret parts; earlier: digests that the name had before.
    """

    digest: str
    fields: Mapping[str, Any]
    shown: Mapping[str, Any]
    seals: Mapping[str, str] = field(default_factory=dict)
    earlier: Tuple[str, ...] = ()


class Names:
    """The records below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Optional[Named]:
        """What is known of a name; None if nothing is, or nothing that can be read."""
        try:
            found: Dict[str, Any] = json.loads(self._path(name).read_text(encoding="utf-8"))
            return Named(**{**found, "earlier": tuple(found.get("earlier", ()))})
        except (OSError, ValueError, TypeError):
            return None

    def write(self, name: str, named: Named) -> None:
        """Keep it, durably. Readable by its owner alone: even a seal is not for others."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.folder / f".{name}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(named), file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path(name))

    def remove(self, name: str) -> None:
        """Forget a name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def close(self) -> None:
        """Remove the folder, where it is empty."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def all(self) -> List[str]:
        """Every name, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(file[:-5] for file in os.listdir(self.folder) if file.endswith(".json") and file[0] != ".")

    def digests(self) -> Dict[str, List[str]]:
        """Digest → the names that have it."""
        found: Dict[str, List[str]] = {}
        for name in self.all():
            named = self.read(name)
            if named is not None:
                found.setdefault(named.digest, []).append(name)
        return found

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def seal(value: Any) -> str:
    """A salted scrypt of a JSON value that holds secrets: as hard to open as a password of /etc/shadow."""
    salt = os.urandom(16)
    return f"{_text(salt)}${_text(_scrypt(value, salt))}"


def is_sealed(value: Any, sealed: Optional[str]) -> bool:
    """Whether the value is the one that was sealed."""
    if not sealed or "$" not in sealed:
        return False
    salt, digest = (base64.b64decode(part) for part in sealed.split("$", 1))
    return hmac.compare_digest(digest, _scrypt(value, salt))


def _scrypt(value: Any, salt: bytes) -> bytes:
    return hashlib.scrypt(canonical(value), salt=salt, n=_COST, r=8, p=1)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
