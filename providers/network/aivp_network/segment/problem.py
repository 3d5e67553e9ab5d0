"""`Refused`: what a person can mend; the provider shows it as its error, `port.py` as JSON."""

from __future__ import annotations

import errno
import os
from typing import Dict, Optional


class Refused(Exception):
    """`path`: JSON pointer to the field of the network at fault, if one is; `mend`: the way out."""

    def __init__(self, message: str, *, path: Optional[str] = None, mend: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.mend = mend

    @property
    def form(self) -> Dict[str, str]:
        """As JSON; what is not known is left out."""
        found = {"message": self.message, "path": self.path, "mend": self.mend}
        return {name: value for name, value in found.items() if value is not None}


def of_system(error: OSError) -> Refused:
    """A refusal of the system's, such as a full disk, with the file that it was about."""
    what = f"{error.filename}: " if error.filename else ""
    return Refused(f"{what}{os.strerror(error.errno) if error.errno else error}", mend=_MENDS.get(error.errno or 0))


_MENDS = {
    errno.ENOSPC: "Make room on the disk; nothing is lost, and what was begun goes on with the next apply.",
    errno.EDQUOT: "Make room within the quota; what was begun goes on with the next apply.",
    errno.EROFS: "The file system is mounted read-only: see what the kernel says of it.",
    errno.EACCES: "Let aivp work as the user whom the folder belongs to.",
    errno.EPERM: "Let aivp become root on the host, or use mode: user.",
}
