"""The host provider: the kinds of things that make up a Linux host."""

from __future__ import annotations

from aivp_sdk import Provider

from .command import CommandKind
from .file import FileKind
from .group import GroupKind
from .noop import NoopKind
from .package import PackageKind
from .package_index import PackageIndexKind
from .service import ServiceKind
from .user import UserKind

PROVIDER = Provider(
    "host",
    "0.1.0",
    [
        CommandKind(),
        FileKind(),
        GroupKind(),
        NoopKind(),
        PackageIndexKind(),
        PackageKind(),
        ServiceKind(),
        UserKind(),
    ],
)
