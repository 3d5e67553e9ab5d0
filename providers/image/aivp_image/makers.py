"""Source of a declaration → the module that makes images of it, imported when it is first asked."""

from __future__ import annotations

import importlib
from typing import Dict, Optional, cast

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
    """Which one of the sources is declared. Raises Permanent for none."""
    found = declared_source(desired)
    if found is None:
        raise Permanent("an image needs a source", mend=f"Declare one of {', '.join(SOURCES)}.")
    return found


def declared_source(desired: Image) -> Optional[str]:
    """The same, or None: of what is no longer declared, only the name is known."""
    return next((name for name in SOURCES if getattr(desired, name) is not None), None)


def maker_of(source: str) -> Maker:
    """The maker for a source."""
    return cast("Maker", importlib.import_module(f".{_MODULES[source]}", __package__).MAKER)
