"""The provider as a program of its own, as the conformance kit drives it. On hosts it lives inside the runner."""

from __future__ import annotations

from aivp_sdk.serve import serve

from .provider import PROVIDER

serve(PROVIDER)
