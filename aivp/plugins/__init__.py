"""Providers as data: which are installed, what their manifests say, and whether values fit. Imports no provider."""

from aivp.plugins.registry import Provider, Registry

__all__ = ["Provider", "Registry"]
