"""The whole error API of a provider author. Anything else that is raised counts as a bug of the provider."""

from __future__ import annotations

import os
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
    """Trying again would not help: the declaration does not fit, or a person has to act first. Never tried again."""


class Temporary(ProviderError):
    """The world may be another one in a moment: worth as many more attempts as `meta.retries` says.

    A provider in a process of its own is asked again before that, up to 5 times within 2 minutes, under the same key.
    So an answer that was lost may be called temporary where the key keeps the effect from happening twice.

    delay: seconds to wait at least; None leaves it to the engine, which waits longer from try to try. Also for a
    program that failed, since nobody but it knows whether that was for good.
    """

    error_class = "temporary"

    def __init__(
        self, message: str, *, delay: Optional[float] = None, path: Optional[str] = None, mend: Optional[str] = None
    ) -> None:
        super().__init__(message, path=path, mend=mend)
        self.delay = delay


class RateLimited(Temporary):
    """The other side asks for patience: nothing more of this provider's before `delay` seconds have passed."""

    error_class = "rate_limited"


class Canceled(ProviderError):
    """Not begun, or left where it can be taken up again, since the caller wants no more of this request.

    Whoever resumes the run asks for the same once more.
    """

    error_class = "canceled"

    def __init__(self, message: str = "canceled before it was begun") -> None:
        super().__init__(message)


class Interrupted(ProviderError):
    """An effect whose outcome nobody can know: its shim died. `meta.on_interrupt` decides what follows."""

    error_class = "interrupted"


class Bug(ProviderError):
    """A mistake of the provider itself; authors raise none, they make it."""

    error_class = "bug"

    @classmethod
    def of(cls, error: BaseException) -> Bug:
        """An exception that nobody expected: where it is, not what it says, which may hold a secret."""
        import traceback  # nobody pays for it before

        frames = traceback.extract_tb(error.__traceback__)[-3:]
        places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
        return cls(f"{type(error).__name__} at {places}")
