"""Files of the project as content: small ones as their bytes, others as blobs, each read once per command."""

from __future__ import annotations

import os
from pathlib import Path

from aivp_contract.values import Blob

from aivp.blobs.measure import INLINE, LARGEST, Signature, measure, signature
from aivp.config.files import open_file
from aivp.config.text import too_large
from aivp.diagnostics import Refused, Span


class Sources:
    """The files beneath `root`. `seen`: path → the blob it was measured as, and its signature at that time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: dict[str, tuple[Blob, Signature]] = {}

    def load(self, path: str, span: Span) -> bytes | Blob:
        """The bytes of a file, or its blob beyond INLINE. Raises Refused (AIVP0101 to 0105)."""
        with open_file(self.root, path, span) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise Refused((too_large(path, LARGEST, span),))
            before = signature(file.fileno())
            start = file.read(INLINE + 1)
            if len(start) <= INLINE:
                return start
            file.seek(0)
            blob = measure(file, path, span)
            if signature(file.fileno()) == before:
                self.seen[path] = (blob, before)
            return blob
