"""Secrets: declared sources → values in memory, for observe and apply only. No message or artifact shows one."""

from aivp.model.taint import names
from aivp.secrets.keys import check_key
from aivp.secrets.reveal import Render, reveal
from aivp.secrets.vault import Vault

__all__ = ["Render", "Vault", "check_key", "names", "reveal"]
