"""Cases of `user` and `group`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.matrix.case import Case, World

# Tools keep a copy and a lock beside each of these files.
_DATABASES = tuple(f"/etc/{name}*" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid"))
_GROUP = ("group:{n}", *_DATABASES)
_USER = ("user:{n}", "group:{n}", "group:audio", "/home/{n}", "/home/{n}/*", *_DATABASES)

_ACCOUNT = {
    "shell": "/bin/bash",
    "comment": "A person",
    "groups": ["audio"],
    "home": "/home/{n}",
    "create_home": True,
    "expires": "2040-01-01",
}
_MADE = "useradd -m -d /home/$n -s /bin/bash -c 'A person' -G audio -e 2040-01-01 $n"
# Of no pair that anybody keeps.
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIHn7IRkIoJ/RP5kNCAp+wgqKkAIREq1r3sEsyXW0c8z a"
_MEMBERS = {"members": ["plain"]}


def _form(
    kind: str, form: str, declare: Mapping[str, Any], worlds: Mapping[World, str], touches: tuple[str, ...]
) -> list[Case]:
    return [Case(kind, form, world, declare, script, touches=touches) for world, script in worlds.items()]


CASES: tuple[Case, ...] = (
    *_form(
        "user",
        "account",
        _ACCOUNT,
        {
            "absent": "",
            "compliant": _MADE,
            "drifted": "useradd -s /bin/sh -c Eve -d /srv/m/elsewhere $n",
            "half-applied": "echo $n:x:2500:100::/home/$n:/bin/sh >> /etc/passwd",
        },
        _USER,
    ),
    Case("user", "account", "hostile", _ACCOUNT, "useradd -r -s /usr/sbin/nologin $n", twist="system", touches=_USER),
    Case("user", "account", "hostile", _ACCOUNT, "groupadd $n", twist="group", touches=_USER),
    Case(
        "user", "account", "hostile", {**_ACCOUNT, "uid": 1}, "", "refused", "the uid 1 belongs to daemon", twist="uid"
    ),
    Case("user", "account", "hostile", _ACCOUNT, "echo full > /home/$n", "failed", twist="home", touches=_USER),
    *_form(
        "user",
        "system",
        {"system": True, "shell": "/usr/sbin/nologin", "home": "/nonexistent"},
        {
            "absent": "",
            "compliant": "useradd -r -d /nonexistent -s /usr/sbin/nologin $n",
            "drifted": "useradd -r -d /nonexistent -s /bin/sh $n",
            "hostile": "useradd -m -d /home/$n -s /bin/bash $n",
            "half-applied": "groupadd -r $n",
        },
        _USER,
    ),
    *_form(
        "user",
        "gone",
        {"state": "absent", "remove_home": True},
        {
            "absent": "",
            "drifted": "useradd -m -d /home/$n $n",
            "half-applied": "useradd -m -d /home/$n $n; rm -r /home/$n",
        },
        _USER,
    ),
    *_form(
        "user",
        "keys",
        {"home": "/home/{n}", "create_home": True, "authorized_keys": [_KEY]},
        {
            "absent": "",
            "compliant": "useradd -m -d /home/$n $n; install -d -m 700 -o $n -g $n /home/$n/.ssh;"
            f" echo {_KEY} > /home/$n/.ssh/authorized_keys;"
            " chown $n: /home/$n/.ssh/authorized_keys; chmod 600 /home/$n/.ssh/authorized_keys",
            "drifted": "useradd -m -d /home/$n $n; install -d -m 700 -o $n -g $n /home/$n/.ssh;"
            " echo ssh-ed25519 AAAAother b > /home/$n/.ssh/authorized_keys",
            "half-applied": "useradd -m -d /home/$n $n; install -d -m 700 -o $n -g $n /home/$n/.ssh",
        },
        _USER,
    ),
    Case(
        "user",
        "keys",
        "hostile",
        {"home": "/home/{n}", "authorized_keys": [_KEY]},
        "useradd -m -d /home/$n $n; ln -s /etc /home/$n/.ssh",
        "refused",
    ),
    *_form(
        "group",
        "members",
        _MEMBERS,
        {
            "absent": "",
            "compliant": "groupadd $n; gpasswd -a plain $n",
            "drifted": "groupadd $n; gpasswd -a deploy $n",
            "half-applied": "echo $n:x:2600: >> /etc/group",
        },
        _GROUP,
    ),
    Case("group", "members", "hostile", {**_MEMBERS, "gid": 1}, "", "refused", "gid 1 belongs to daemon", twist="gid"),
    Case("group", "members", "hostile", _MEMBERS, "groupadd -r $n", twist="system", touches=_GROUP),
    *_form(
        "group",
        "exclusive",
        {"members": ["plain"], "membership": "exclusive"},
        {
            "absent": "",
            "compliant": "groupadd $n; gpasswd -a plain $n",
            "drifted": "groupadd $n; gpasswd -a deploy $n",
            "half-applied": "groupadd $n",
        },
        _GROUP,
    ),
    *_form("group", "gone", {"state": "absent"}, {"absent": "", "drifted": "groupadd $n"}, _GROUP),
    Case(
        "group",
        "gone",
        "hostile",
        {"state": "absent"},
        "groupadd $n; useradd -M -g $n ${n}x",
        "failed",
        touches=_GROUP,
    ),
)
