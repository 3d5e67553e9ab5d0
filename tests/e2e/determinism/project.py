"""One project with a bit of everything, as data, and the many ways in which the same can be written down."""

from __future__ import annotations

import copy
import random
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HOSTS = ("alpha", "beta", "delta", "gamma")
CHANNEL = "determinism-channel"
"""A command on PATH that waits a while, then does the rest of its arguments."""

CUE_MODULE = 'module: "example.com/determinism"\nlanguage: version: "v0.9.0"\n'
CUE = (
    "package site\n",
    "input: var: workers: int\n",
    '_owner: "cue"\n',
    'resources: "file.cue": {host: "alpha", path: "ROOT/cue.conf", content: _text}\n',
    '_text: "\\(_owner) has \\(input.var.workers)\\n"\n',
    'resources: {for n in ["x", "y"] {"noop.cue-\\(n)": {host: "beta", input: "from \\(n)"}}}\n',
)
TEMPLATE = "{% for w in workers %}worker {{ w }} of {{ owner }}\n{% endfor %}token={{ token }}\n"
PAGE = "<h1>{{ title }}</h1>\n"
SOURCE = "copied as it is\n"
SECRET_FILE = "keys/api"


def declaration(root: Path) -> dict[str, Any]:
    """The project, with everything that it makes beneath `root`."""
    return {
        "aivp": "v1",
        "project": "determinism",
        "variables": {"workers": {"type": "integer", "default": 3}, "title": {"type": "string", "default": "Grüße"}},
        "values": {"motd": "managed", "greeting": "${values.motd} by ${var.title}", "list": ["one", "two"]},
        "defaults": {"file": {"mode": "0640"}},
        "secrets": {"db": {"env": "DETERMINISM_DB", "version": "7"}, "api": {"file": SECRET_FILE}},
        "hosts": {
            name: {
                "transport": "exec",
                "command": [CHANNEL, name],
                "labels": {"role": "web" if name in ("beta", "gamma") else "lab"},
                "vars": {"port": 8000 + index},
            }
            for index, name in enumerate(HOSTS)
        },
        "groups": {"web": {"labels": {"role": "web"}}},
        "resources": {
            "file.root": {"host": "alpha", "path": str(root), "state": "directory", "mode": "0755"},
            "file.motd": {
                "host": "alpha", "path": f"{root}/motd", "content": "${values.greeting}\n${values.list[1]}\n",
            },
            "file.drifted": {"host": "alpha", "path": f"{root}/drifted", "content": "as declared\n", "mode": "0600"},
            "file.copied": {"host": "alpha", "path": f"{root}/copied", "source": "files/copied.txt"},
            "file.page": {
                "host": "web",
                "path": f"{root}/page-${{host.vars.port}}.html",
                "template": "templates/page.j2",
                "vars": {"title": "${var.title}"},
            },
            "file.secret": {
                "host": "gamma",
                "path": f"{root}/secret",
                "template": "templates/list.j2",
                "vars": {
                    "workers": "${noop.worker[*].output}", "owner": "${host.facts.os.id}", "token": "${secret.db}",
                },
            },
            "file.whole": {"host": "gamma", "path": f"{root}/whole", "content": "${secret.api}"},
            "file.facts": {
                "host": "delta",
                "path": f"{root}/facts",
                "content": "${host.facts.os.family}\n",
                "when": {"any": [{"host.facts.user.is_root": [True, False]}, {"var.workers": 99}]},
            },
            "file.never": {
                "host": "delta", "path": f"{root}/never", "content": "x", "when": {"var.workers": [99, 100]},
            },
            "noop.worker": {"host": "gamma", "for_each": "${var.workers}", "input": "number ${each.key}"},
            "noop.named": {
                "host": "beta", "for_each": {"b": {"n": "2"}, "a": {"n": "1"}, "z z": {"n": "26"}},
                "input": "${each.value.n}", "triggers": {"q": "w", "e": "r", "t": "y"},
            },
            "noop.next": {"host": "beta", "input": "after ${noop.named[a].output}", "depends_on": ["noop.named[b]"]},
            "command.reload": {
                "host": "alpha", "argv": ["true"], "refresh_only": True, "exit_codes": [0, 3, 2],
                "meta": {"labels": {"team": "ops"}, "timeout": "2m", "retries": 1},
            },
            "command.once": {
                "host": "delta", "argv": ["echo", "${values.motd}", "x"], "creates": f"{root}/once",
                "env": {"B": "2", "A": "1"}, "lifecycle": {"retain": True, "ignore_changes": ["timeout", "umask"]},
            },
            "file.later": {"host": "delta", "path": f"{root}/later", "content": "${command.once.stdout}"},
            "file.notifying": {
                "host": "alpha", "path": f"{root}/notifying", "content": "new\n", "notify": ["command.reload"],
            },
        },
        "moved": [{"from": "file.former", "to": "file.motd"}],
        "removed": [{"address": "noop.retired", "destroy": False}],
    }  # fmt: skip


def earlier(root: Path) -> dict[str, Any]:
    """What was applied before: some of it alike, some of it otherwise, some of it gone by now."""
    found = declaration(root)
    kept = ("file.root", "file.drifted", "file.copied", "noop.worker", "noop.named", "command.reload", "file.notifying")
    resources = {name: found["resources"][name] for name in kept}
    resources["file.former"] = {"host": "alpha", "path": f"{root}/motd", "content": "older\n"}
    resources["file.orphan"] = {
        "host": "delta",
        "path": f"{root}/orphan",
        "content": "x\n",
        "depends_on": ["noop.retired"],
    }
    resources["noop.retired"] = {"host": "delta"}
    resources["file.notifying"] = {**resources["file.notifying"], "content": "old\n"}
    return {**found, "resources": resources, "moved": [], "removed": []}


def write(place: Path, data: Mapping[str, Any], root: Path, seed: int | None = None, *, with_cue: bool = True) -> None:
    """The project's files. A seed shuffles keys, splits sections over files of other names, and adds comments."""
    chance = random.Random(seed)
    own = copy.deepcopy(dict(data))
    for name, text in (("templates/list.j2", TEMPLATE), ("templates/page.j2", PAGE), ("files/copied.txt", SOURCE)):
        _put(place / name, text)
    _put(place / SECRET_FILE, "from a file")
    (place / SECRET_FILE).chmod(0o600)
    own["include"] = ["parts/*.yaml"]
    if with_cue:
        own["include"] = chance.sample(["parts/*.yaml", "site"], 2) if seed is not None else ["parts/*.yaml", "site"]
        _put(place / "cue.mod/module.cue", CUE_MODULE)
        _write_cue(place / "site", root, chance if seed is not None else None)
    if seed is None:
        _put(place / "parts/all.yaml", _yaml({"values": own.pop("values")}))
        _put(place / "aivp.yaml", _yaml(own))
        return
    parts: list[dict[str, Any]] = [{} for _ in range(chance.randint(1, 4))]
    for section in ("values", "secrets", "resources", "hosts", "groups", "defaults", "variables", "moved", "removed"):
        moving = own[section] if isinstance(own[section], list) else _some(own[section], chance)
        if chance.random() < 0.7:
            part = chance.choice(parts)
            part[section] = moving
            left = {} if isinstance(moving, list) else {k: v for k, v in own[section].items() if k not in moving}
            own[section] = left
            if not left:
                del own[section]
    for index, part in enumerate(parts):
        if part:
            _put(place / f"parts/{chance.choice('abcxyz')}{index}.yaml", _scribble(_shuffled(part, chance), chance))
    _put(place / "aivp.yaml", _scribble(_shuffled(own, chance), chance))


def _write_cue(folder: Path, root: Path, chance: random.Random | None) -> None:
    head, *statements = [text.replace("ROOT", str(root)) for text in CUE]
    if chance is None:
        _put(folder / "site.cue", head + "".join(statements))
        return
    chance.shuffle(statements)
    cut = chance.randint(0, len(statements))
    comment = f"// {chance.random()}\n"
    _put(folder / f"{chance.choice('abc')}.cue", head + comment + "".join(statements[:cut]))
    _put(folder / f"{chance.choice('xyz')}.cue", head + "\n\n" + "".join(statements[cut:]))


def _some(section: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    return {key: value for key, value in section.items() if chance.random() < 0.5} or section


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance) for key in keys}
    return [_shuffled(item, chance) for item in value] if isinstance(value, list) else value


def _scribble(data: Mapping[str, Any], chance: random.Random) -> str:
    """The same YAML with comments, blank lines, other styles and other widths."""
    lines = []
    for key, value in data.items():
        style = {
            "sort_keys": False,
            "allow_unicode": chance.random() < 0.5,
            "width": chance.choice([20, 80, 1000]),
            "indent": chance.choice([2, 4]),
        }
        if isinstance(value, (dict, list)) and chance.random() < 0.4:
            flow = yaml.safe_dump(value, default_flow_style=True, **style)
            text = f"{key}:\n" + textwrap.indent(flow, "  ")
        else:
            text = yaml.safe_dump({key: value}, default_flow_style=False, **style)
        lines += ["\n"] * chance.randint(0, 3) + [f"# {chance.random()}\n"] * chance.randint(0, 2) + [text]
    return "".join(lines)


def _yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
