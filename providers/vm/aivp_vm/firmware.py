"""Where the UEFI for VMs lies on this host: its code, and the variables that each VM gets a copy of."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

from aivp_sdk import Permanent

KNOWN = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
)


def find(code: str = "") -> Tuple[Path, Path]:
    """Code and variables. `code`: the one that was configured. Raises Permanent where there is none."""
    configured = ((code, code.replace("CODE", "VARS")),) if code else KNOWN
    for one, other in configured:
        if Path(one).is_file() and Path(other).is_file():
            return Path(one), Path(other)
    raise Permanent("there is no UEFI for VMs here", path="/boot", mend="apt-get install ovmf, or boot: bios")
