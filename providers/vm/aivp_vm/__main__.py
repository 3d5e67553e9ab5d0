"""The provider as a program of its own: what hosts get, and what the conformance kit drives."""

from __future__ import annotations

from aivp_sdk.serve import serve

from .provider import PROVIDER

serve(PROVIDER)
