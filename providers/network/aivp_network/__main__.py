"""The provider as a program of its own."""

from __future__ import annotations

from aivp_sdk.serve import serve

from .provider import PROVIDER

serve(PROVIDER)
