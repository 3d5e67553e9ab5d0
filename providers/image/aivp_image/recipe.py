"""Between the kind and its sources: what a source makes of a declaration, and what it may use for that.

Each module of a source has one `MAKER`. The kind asks it, and never looks into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from aivp_sdk import Json, Unknown

from .declaration import Image
from .plain import plain
from .record import Content
from .workshop import Workshop


@dataclass(frozen=True)
class Before:
    """The image that the declared name has now: its folder, and the source's field as it was shown when it was made."""

    folder: Path
    shown: Mapping[str, Any]


@dataclass(frozen=True)
class Outlook:
    """What can be said of an image before anything is done.

    shown: the source's field as a plan shall show it, with what was found out about it, such as the digest that a tag
    names now; where it is not as it was, the image is made again. parts: as in `Recipe`; None where only apply can
    tell. absent: computed fields that the image will not have, such as the kernel of a disk that boots by itself.
    """

    shown: Mapping[str, Any]
    parts: Json = None
    absent: Tuple[str, ...] = ()


def not_there_yet(
    shown: Mapping[str, Any], digest: str, before: Optional[Before], what: str, workshop: Workshop
) -> Mapping[str, Any]:
    """A source's field while what it names is not there: as it was when the image was made from it, else not known.

    digest: the member that only a look at the thing tells. Something earlier in the same plan may make the thing.
    """
    pinned = str(shown.get(digest) or "")
    had = {} if before is None else before.shown
    if {**had, digest: None} == {**shown, digest: None} and str(had.get(digest)).endswith(pinned):
        return had
    workshop.session.log(f"{what} is not there yet; it has to be when the image is made", "warning")
    return {**shown, digest: Unknown()}


@dataclass(frozen=True)
class Recipe:
    """How to make an image, and what decides what it will be.

    parts: a JSON value from which the digest follows; build: fills an empty folder, and may raise ProviderError or
    OSError; shown: as in `Outlook`.
    """

    parts: Json
    build: Callable[[Path], Content]
    shown: Mapping[str, Any]


class Maker:
    """One source of images."""

    def check(self, desired: Image) -> None:
        """Raise Permanent for what the schema cannot refuse."""

    def foresee(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Outlook:
        """What can be said without work. Changes nothing but caches, and is cheap where nothing changed."""
        raise NotImplementedError

    def prepare(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Recipe:
        """The recipe, whatever it takes to find it."""
        raise NotImplementedError


def common(desired: Image) -> Dict[str, Any]:
    """What every source's parts hold beside its own: the fields of the declaration that shape the result."""
    return {
        "modules": sorted(desired.modules),
        "cmdline": list(desired.cmdline),
        "boot": desired.boot,
        "disk": None if desired.disk is None else plain(desired.disk),
    }
