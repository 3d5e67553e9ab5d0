"""`Refused`: what a person can mend; the provider shows it as its error, `port.py` as JSON."""

from __future__ import annotations

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
