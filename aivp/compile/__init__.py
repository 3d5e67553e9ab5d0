"""Declarations → IR: expand, resolve, validate, lower. Pure but for files of the project and the template child.

The stages are imported when first asked for: links are opened for what `ahead` finds, before there is any of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aivp.compile.program import Compiled, compile_project

__all__ = ["Compiled", "compile_project"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module("aivp.compile.program"), name)
