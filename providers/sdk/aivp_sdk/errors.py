"""The whole error API of a provider author. Anything else that is raised counts as a bug of the provider."""

from __future__ import annotations

from typing import Optional


class ProviderError(Exception):
    """A failure that the provider understands. `path` is a JSON pointer to the attribute at fault, if one is."""

    error_class = "permanent"

    def __init__(self, message: str, *, path: Optional[str] = None, mend: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.mend = mend
        self.delay: Optional[float] = None


class Permanent(ProviderError):
    """Trying again would not help."""


class Temporary(ProviderError):
    """Worth another try after `delay` seconds."""

    error_class = "temporary"

    def __init__(self, message: str, *, delay: float = 1.0, path: Optional[str] = None) -> None:
        super().__init__(message, path=path)
        self.delay = delay


class RateLimited(Temporary):
    """The other side asks for patience: nothing more of this provider's before `delay` seconds have passed."""

    error_class = "rate_limited"


class Canceled(ProviderError):
    """Not begun, since the caller wants no more of this request."""

    error_class = "canceled"

    def __init__(self) -> None:
        super().__init__("canceled before it was begun")


class Interrupted(ProviderError):
    """An effect whose outcome nobody can know: its shim died. `meta.on_interrupt` decides what follows."""

    error_class = "interrupted"
