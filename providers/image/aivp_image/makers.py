"""Source of a declaration → the module that makes images of it, imported when it is first asked."""

from __future__ import annotations

import importlib
from typing import Dict, cast

from aivp_sdk import Permanent

from .declaration import SOURCES, Image
from .recipe import Maker

_MODULES: Dict[str, str] = {
    "debian": "debian",
    "oci": "oci",
    "source": "sourced",
    "vm": "template",
}


def source_of(desired: Image) -> str:
    """Which one of the sources is declared."""
    for name in SOURCES:
        if getattr(desired, name) is not None:
            return name
    raise Permanent("an image needs a source", mend=f"Declare one of {', '.join(SOURCES)}.")


def maker_of(source: str) -> Maker:
    """The maker for a source."""
    return cast("Maker", importlib.import_module(f".{_MODULES[source]}", __package__).MAKER)
