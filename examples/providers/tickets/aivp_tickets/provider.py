"""The provider: what it is called, what it serves, what it is told when it starts."""

from __future__ import annotations

from aivp_sdk import Provider

from .api import Configuration
from .project import ProjectKind
from .ticket import TicketKind

PROVIDER = Provider("tickets", "0.1.0", [ProjectKind(), TicketKind()], Configuration)
