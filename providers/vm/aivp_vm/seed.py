"""What cloud-init is told: declaration and leases → a NoCloud seed, an ISO 9660 image with the label `cidata`.

JSON is YAML, so nothing has to write YAML. The seed may hold what is secret: it lies in the VM's private folder only.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from aivp_sdk import Permanent

from .declaration import CloudInit, User

LABEL = "cidata"


def documents(
    instance: str, hostname: str, wanted: Optional[CloudInit], links: Sequence[Mapping[str, Any]]
) -> Dict[str, str]:
    """File name → text of the seed. Pure."""
    meta = {"instance-id": instance, "local-hostname": hostname}
    return {
        "meta-data": json.dumps(meta, indent=1, sort_keys=True) + "\n",
        "network-config": json.dumps(network_config(links), indent=1, sort_keys=True) + "\n",
        "user-data": "#cloud-config\n" + json.dumps(user_data(wanted or CloudInit()), indent=1, sort_keys=True) + "\n",
    }


def user_data(wanted: CloudInit) -> Dict[str, Any]:
    """The cloud-config. Raises Permanent where `extra` says again what a field says."""
    found: Dict[str, Any] = {}
    if wanted.users:
        found["users"] = ["default", *(_user(user) for user in wanted.users)]
    if wanted.keys:
        found["ssh_authorized_keys"] = list(wanted.keys)
    if wanted.files:
        found["write_files"] = [
            {
                "path": file.path,
                "content": file.content,
                "permissions": file.mode,
                **({"owner": file.owner} if file.owner else {}),
            }
            for file in wanted.files
        ]
    if wanted.packages:
        found["packages"] = list(wanted.packages)
    if wanted.run:
        found["runcmd"] = list(wanted.run)
    extra = wanted.extra or {}
    if not isinstance(extra, dict):
        raise Permanent("what else is said to cloud-init is an object", path="/cloud_init/extra")
    twice = sorted(set(extra) & set(found))
    if twice:
        raise Permanent(f"{twice[0]} is said twice to cloud-init", path=f"/cloud_init/extra/{twice[0]}")
    return {**found, **extra}


def network_config(links: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Version 2, by hardware address: how cards are called is the guest's own business."""
    return {"version": 2, "ethernets": {f"card{number}": _card(card) for number, card in enumerate(links)}}


def write(path: Path, texts: Mapping[str, str]) -> None:
    """The image, whole or not at all. Raises OSError."""
    import pycdlib  # only where a VM is made: 100 ms

    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    for number, (name, text) in enumerate(sorted(texts.items())):
        data = text.encode()
        place = f"/SEED{number}.;1"
        iso.add_fp(io.BytesIO(data), len(data), place, rr_name=name, joliet_path=f"/{name}")
    draft = path.with_name(f".{path.name}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            iso.write_fp(file)
        draft.replace(path)
    finally:
        iso.close()
        draft.unlink() if draft.exists() else None


def _user(user: User) -> Dict[str, Any]:
    found: Dict[str, Any] = {"name": user.name, "lock_passwd": user.password_hash is None}
    if user.password_hash is not None:
        found["passwd"] = user.password_hash
    if user.shell:
        found["shell"] = user.shell
    if user.groups:
        found["groups"] = list(user.groups)
    if user.keys:
        found["ssh_authorized_keys"] = list(user.keys)
    if user.sudo:
        found["sudo"] = "ALL=(ALL) NOPASSWD:ALL"
    return found


def _card(card: Mapping[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = {"match": {"macaddress": card["mac"]}, "addresses": list(card["addresses"])}
    ways = (("gateway", "0.0.0.0/0"), ("gateway6", "::/0"))
    routes: List[Dict[str, str]] = [{"to": to, "via": str(card[name])} for name, to in ways if card.get(name)]
    if routes:
        found["routes"] = routes
    if card.get("dns"):
        found["nameservers"] = {"addresses": list(card["dns"])}
    return found
