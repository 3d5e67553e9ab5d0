"""The provider of images: its kind, imported when it is first asked about, and what people configure for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from aivp_sdk import Provider, attribute


@dataclass
class Configuration:
    """What people write under `providers: image:`."""

    folder: Optional[str] = attribute("Where images are kept on each host.", semantic="path")


PROVIDER = Provider("image", "0.1.0", {"image": f"{__package__}.kind:ImageKind"}, Configuration)
