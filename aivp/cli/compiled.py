"""What `dataclasses` compiles at each start is kept beside the bytecode of our modules, by its text (ADR 0024).

A frozen dataclass compiles six functions from text when its module is imported; all of ours are a fifth of what a plan
takes. The file lies where bytecode lies, belongs to whom that belongs, and is written where that may be.
"""

from __future__ import annotations

import builtins
import dataclasses
import importlib.util
import marshal
import os
import sys
import zlib

TYPE_CHECKING = False  # importing typing takes as long as reading the file
if TYPE_CHECKING:
    from typing import Any

MOST = 4000
"""Texts that are kept; beyond that those of earlier versions are in the way, and it begins anew."""


class Compiled:
    """The texts that were compiled before, and those that were not."""

    def __init__(self) -> None:
        self.path = importlib.util.cache_from_source(__file__).removesuffix(".pyc") + ".texts"
        self.known = _read(self.path)
        self.fresh: dict[str, bytes] = {}

    def install(self) -> None:
        """From now on dataclasses compile nothing twice; a Python in which they do without `exec` goes on as ever."""
        dataclasses.exec = self.run  # type: ignore[attr-defined]

    def run(self, text: str, *places: Any) -> None:
        """What `exec` does."""
        kept = self.known.get(text)
        code = compile(text, "<string>", "exec", dont_inherit=True) if kept is None else marshal.loads(kept)  # noqa: S302
        if kept is None:
            self.fresh[text] = marshal.dumps(code)
        builtins.exec(code, *places)  # noqa: S102

    def keep(self) -> None:
        """Write down what is new; a place where that cannot be done is no error."""
        if not self.fresh or sys.dont_write_bytecode:
            return
        kept = {**self.known, **self.fresh} if len(self.known) + len(self.fresh) <= MOST else self.fresh
        new = f"{self.path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(new), exist_ok=True)
            with open(new, "xb") as file:
                body = marshal.dumps(kept)
                file.write(_head(body) + body)
            os.replace(new, self.path)
        except OSError:
            pass


def _read(path: str) -> dict[str, bytes]:
    """Text → its code, each marshalled for itself: a command needs few. As trustworthy as the bytecode beside it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    body = data[8:]
    return marshal.loads(body) if data[:8] == _head(body) else {}  # noqa: S302


def _head(body: bytes) -> bytes:
    """Which Python runs this code, and that none of it was lost: a power cut, or an alpha of the same version."""
    return importlib.util.MAGIC_NUMBER + zlib.crc32(body).to_bytes(4, "little")
