"""What of a parameter's values runs only in the full matrix."""

from __future__ import annotations

from typing import Any

import pytest


def more(*values: Any) -> list[Any]:
    """Values for `make test-all`."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
