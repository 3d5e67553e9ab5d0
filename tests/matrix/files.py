"""Cases of `file`, in each of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.matrix.case import Case, World

_RIGHT = r"printf 'one\ntwo\n' > $p; chmod 640 $p; chown deploy: $p"
_FULL_DIRECTORY = "mkdir $p; echo kept > $p/kept"
_LEFTOVER = "printf half > $(dirname $p)/.aivp-$(printf %s $p | sha256sum | cut -c1-16)"
_LEFTOVERS = ("/srv/m/.aivp-*",)
_NOT_REPLACED = "is not replaced"
_WHOLE = {"content": "one\ntwo\n", "mode": "0640", "owner": "deploy"}


def _form(form: str, declare: Mapping[str, Any], worlds: Mapping[World, str], **more: Any) -> list[Case]:
    declared = {"path": "{p}", **declare}
    return [Case("file", form, world, declared, script, **more) for world, script in worlds.items()]


def _refused(form: str, declare: Mapping[str, Any], why: str, **scripts: str) -> list[Case]:
    declared = {"path": "{p}", **declare}
    return [
        Case("file", form, "hostile", declared, script, "refused", why, twist=twist)
        for twist, script in scripts.items()
    ]


def _whole(form: str, declare: Mapping[str, Any], **more: Any) -> list[Case]:
    worlds: dict[World, str] = {
        "absent": "",
        "compliant": _RIGHT,
        "drifted": "echo other > $p; chmod 600 $p",
        "half-applied": f"{_RIGHT}; chmod 600 $p; chown root: $p; {_LEFTOVER}",
    }
    return _form(form, declare, worlds, touches=_LEFTOVERS, **more)


_DIRECTORY = {"state": "directory", "mode": "0750", "owner": "deploy"}
_LINK = {"state": "link", "target": "/srv/m/elsewhere"}
_ABSENT = {"state": "absent"}
_LINES = {"lines": [{"regexp": "^x *=", "line": "x = 1"}, {"line": "y = 2"}], "create": True}
_BLOCKS = {"blocks": [{"name": "b", "content": "a\nb\n"}], "create": True}
_PURGE = {"state": "directory", "purge": True, "keep": ["kept"]}
_RECURSE = {"state": "directory", "recurse": True, "owner": "deploy", "file_mode": "0640", "directory_mode": "0750"}
_TREE = "mkdir -p $p/a; echo 1 > $p/a/b; echo 2 > $p/c"
_BENEATH = ("{p}/*",)

CASES: tuple[Case, ...] = (
    *_whole("content", _WHOLE),
    *_refused(
        "content",
        _WHOLE,
        _NOT_REPLACED,
        folder=_FULL_DIRECTORY,
        link="ln -s /etc/passwd $p",
        dangling="ln -s /nowhere $p",
        fifo="mkfifo $p",
    ),
    *_whole("source", {"source": "files/two.txt", "mode": "0640", "owner": "deploy"}),
    *_refused(
        "source", {"source": "files/two.txt", "mode": "0640", "owner": "deploy"}, _NOT_REPLACED, folder=_FULL_DIRECTORY
    ),
    *_whole(
        "template",
        {"template": {"inline": "{{ x }}\ntwo\n"}, "vars": {"x": "one"}, "mode": "0640", "owner": "deploy"},
    ),
    *_refused(
        "template", {"template": {"inline": "{{ x }}\n"}, "vars": {"x": "one"}}, _NOT_REPLACED, folder=_FULL_DIRECTORY
    ),
    *_form(
        "directory",
        _DIRECTORY,
        {
            "absent": "",
            "compliant": "mkdir -m 750 $p; chown deploy: $p",
            "drifted": "mkdir -m 700 $p; echo kept > $p/kept",
            "half-applied": "mkdir -m 750 $p",
        },
    ),
    *_refused("directory", _DIRECTORY, _NOT_REPLACED, file="echo full > $p", link="ln -s /etc $p"),
    *_form(
        "link",
        _LINK,
        {
            "absent": "",
            "compliant": "ln -s /srv/m/elsewhere $p",
            "drifted": "ln -s /etc $p",
            "half-applied": f"ln -s /etc $p; {_LEFTOVER}",
        },
        touches=_LEFTOVERS,
    ),
    *_refused("link", _LINK, _NOT_REPLACED, file="echo full > $p", folder=_FULL_DIRECTORY),
    *_form("gone", _ABSENT, {"absent": "", "drifted": "echo here > $p", "half-applied": "ln -s /nowhere $p"}),
    *_refused("gone", _ABSENT, "not empty", folder=_FULL_DIRECTORY),
    *_form(
        "lines",
        _LINES,
        {
            "absent": "",
            "compliant": r"printf 'x = 1\nz = 3\ny = 2\n' > $p",
            "drifted": r"printf 'x = 5\nz = 3\n' > $p; chmod 600 $p",
            "half-applied": r"printf 'x = 1\nz = 3\n' > $p",
        },
    ),
    *_refused("lines", _LINES, "", folder=_FULL_DIRECTORY, link="ln -s /etc/passwd $p"),
    *_form(
        "blocks",
        _BLOCKS,
        {
            "absent": "",
            "compliant": r"printf '# BEGIN aivp: b\na\nb\n# END aivp: b\n' > $p",
            "drifted": r"printf 'before\n# BEGIN aivp: b\nother\n# END aivp: b\nafter\n' > $p",
            "half-applied": "echo before > $p",
        },
    ),
    *_refused("blocks", _BLOCKS, "", marker="echo '# BEGIN aivp: b' > $p"),
    *_form(
        "purge",
        _PURGE,
        {
            "absent": "",
            "compliant": "mkdir $p; echo 1 > $p/kept",
            "drifted": f"{_TREE}; echo 1 > $p/kept",
            "hostile": "mkdir $p; ln -s /etc $p/etc; ln -s /etc/passwd $p/passwd",
            "half-applied": "mkdir $p; echo 2 > $p/c",
        },
        touches=_BENEATH,
    ),
    *_form(
        "recurse",
        _RECURSE,
        {
            "absent": "",
            "compliant": f"{_TREE}; chown -R deploy $p; chmod 750 $p/a; chmod 640 $p/c $p/a/b",
            "drifted": _TREE,
            "hostile": f"{_TREE}; ln -s /etc/passwd $p/passwd",
            "half-applied": f"{_TREE}; chown -R deploy $p; chmod 640 $p/c",
        },
        touches=_BENEATH,
    ),
    *_form(
        "force",
        {"content": "one\n", "force": True},
        {
            "absent": "",
            "compliant": "echo one > $p",
            "drifted": "echo other > $p",
            "hostile": f"{_FULL_DIRECTORY}; ln -s /etc $p/etc",
            "half-applied": "mkdir $p",
        },
        touches=_BENEATH,
    ),
    *_form(
        "parents",
        {"path": "{p}/a/b", "content": "one\n", "create_parents": True},
        {
            "absent": "",
            "compliant": "mkdir -p $p/a; echo one > $p/a/b",
            "drifted": "mkdir -p $p/a; echo two > $p/a/b",
            "half-applied": "mkdir -p $p/a",
        },
        touches=_BENEATH,
    ),
    Case(
        "file",
        "parents",
        "hostile",
        {"path": "{p}/a/b", "content": "one\n", "create_parents": True},
        "echo full > $p",
        "failed",
    ),
    *_form(
        "backup",
        {"content": "one\n", "backup": True},
        {
            "absent": "",
            "compliant": "echo one > $p",
            "drifted": "echo other > $p",
            "half-applied": "echo other > $p; echo other > $p.aivp-backup",
        },
        touches=("{p}.aivp-backup",),
    ),
    *_refused("backup", {"content": "one\n", "backup": True}, _NOT_REPLACED, folder=_FULL_DIRECTORY),
    *_form(
        "attributes",
        {"mode": "0600", "owner": "deploy"},
        {
            "absent": "",
            "compliant": "echo kept > $p; chmod 600 $p; chown deploy $p",
            "drifted": "echo kept > $p; chmod 666 $p",
            "half-applied": "echo kept > $p; chmod 600 $p",
        },
    ),
    *_refused("attributes", {"mode": "0600", "owner": "deploy"}, "", link="ln -s /etc/passwd $p"),
)
