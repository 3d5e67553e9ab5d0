"""The `nft` command: load a text as one transaction, list a table, or all of them. Knows nothing of networks."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import Any, Dict, List, Optional

from .problem import Refused

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_PATIENCE = 60
_PASSING = ("handle", "packets", "bytes")
"""Members that differ from load to load, or count."""


def load(text: str) -> None:
    """All of it, or nothing. Raises Refused with what nft says."""
    done = _run(["nft", "-f", "-"], text)
    if done.returncode:
        said = done.stderr.strip().splitlines()[:3]
        if os.geteuid() != 0:
            raise Refused("only root may change nftables", mend="Let aivp become root on the host, or use mode: user.")
        raise Refused(f"nft refuses the rules of the network: {' / '.join(said)}")


def listed(table: str) -> Optional[List[Any]]:
    """The objects of one table of the family inet; None where there is none, or no nft."""
    try:
        done = _run(["nft", "-j", "list", "table", "inet", table])
    except Refused:
        return None
    return _objects(done.stdout) if done.returncode == 0 else None


def all_listed() -> List[Any]:
    """The objects of all tables; empty where they cannot be read."""
    try:
        done = _run(["nft", "-j", "list", "ruleset"])
    except Refused:
        return []
    return _objects(done.stdout) if done.returncode == 0 else []


def drops_by_older_tables() -> bool:
    """True where the older iptables, which nft does not show, drop by policy what is forwarded."""
    try:
        with open("/proc/net/ip_tables_names", encoding="ascii") as names:
            is_used = "filter" in names.read().split()
        return is_used and "-P FORWARD DROP" in _run(["iptables-legacy", "-S", "FORWARD"]).stdout
    except (OSError, Refused):
        return False


def fingerprint(objects: List[Any]) -> str:
    """A digest of what rules say, whenever they were loaded."""
    said = [item for item in objects if "metainfo" not in item]
    return hashlib.sha256(json.dumps(_lasting(said), sort_keys=True).encode()).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        found: Dict[str, Any] = {name: _lasting(inner) for name, inner in value.items() if name not in _PASSING}
        return found
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value


def _objects(text: str) -> List[Any]:
    try:
        found: List[Any] = json.loads(text)["nftables"]
    except (ValueError, KeyError):
        return []
    return found


def _run(argv: List[str], text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, input=text, capture_output=True, text=True, env=_ENVIRONMENT, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError:
        raise Refused("the command nft is missing", mend="Install the package nftables on the host.") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"nft did not answer within {_PATIENCE} s") from None
