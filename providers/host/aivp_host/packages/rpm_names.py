"""Names as they are declared (`name` or `name:architecture`) ↔ packages of rpm. Pure."""

from __future__ import annotations

import platform
from typing import Dict, Optional, Sequence

from .rpm_output import Rpm


def base(name: str) -> str:
    """The name without its architecture."""
    return name.partition(":")[0]


def label(name: str) -> str:
    """`name:architecture` as rpm writes it."""
    plain, _, architecture = name.partition(":")
    return f"{plain}.{architecture}" if architecture else plain


def is_meant(name: str, package: Rpm) -> bool:
    """Without an architecture, the machine's own or none; rpm and the kernel name the usual ones alike."""
    plain, _, architecture = name.partition(":")
    fitting = (architecture,) if architecture else (platform.machine(), "noarch")
    return package.name == plain and package.architecture in fitting


def pick(name: str, packages: Sequence[Rpm]) -> Optional[Rpm]:
    """Of several versions side by side, as of kernels, the last that was installed."""
    found = [package for package in packages if is_meant(name, package)]
    return found[-1] if found else None


def declared(packages: Sequence[Rpm]) -> Dict[str, Rpm]:
    """By the name to declare each by."""
    return {
        package.name if is_meant(package.name, package) else f"{package.name}:{package.architecture}": package
        for package in packages
    }
