"""Every example lives its whole life on a real host: plan, apply, nothing left, change, drift, mend, destroy."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.examples.project import EXAMPLES, Project

CopyExample = Callable[..., Project]

# The host's own life: what systemd, logins and time do while a test runs.
_RESTLESS = ("unit:*",)
# Lines that tools keep of accounts that are gone.
_ACCOUNT_FILES = ("/etc/passwd*", "/etc/shadow*", "/etc/group*", "/etc/gshadow*", "/etc/subuid*", "/etc/subgid*")


def changed(before: lab.Snapshot, host: lab.Host, *ignore: str) -> tuple[str, ...]:
    return lab.difference(before, lab.snapshot(host), (*_RESTLESS, *ignore), times=False)


def test_every_example_is_tested_and_listed() -> None:
    names = sorted(path.name for path in EXAMPLES.glob("[0-9]*") if path.is_dir())
    here = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert f'example("{name}"' in here
        assert f"[{name}]({name})" in index
        assert (EXAMPLES / name / "README.md").is_file()
    for provider in (EXAMPLES / "providers").iterdir():
        assert f"[providers/{provider.name}](providers/{provider.name})" in index
        assert (provider / "README.md").is_file()


def test_hello_file(example: CopyExample, tmp_path: Path) -> None:
    """The one that needs no host and no root."""
    folder = tmp_path / "out"
    project = example("01-hello-file")
    variables: tuple[str, ...] = ("--var", f"folder={folder}")
    hello = folder / "hello.txt"

    project.apply_as_planned(*variables)
    assert hello.read_text() == "Hello, world!\n"

    variables += ("--var", "name=Ana")
    project.apply_as_planned(*variables)
    assert hello.read_text() == "Hello, Ana!\n"

    hello.write_text("tampered\n")
    project.mends("file.hello@here", *variables)
    assert hello.read_text() == "Hello, Ana!\n"

    project.aivp("destroy -y")
    assert not folder.exists()


@pytest.mark.lab
def test_web_server(example: CopyExample, host: lab.Host) -> None:
    before = lab.snapshot(host)
    project = example("02-web-server", host)

    assert "+ service.nginx@web: not there yet" in project.apply_as_planned()
    assert "service.nginx@web      created" in project.aivp("state list")
    assert "<p>Hello from Debian." in page(host, 8080)
    assert host.run(["systemctl", "is-enabled", "nginx"]).stdout == "enabled\n"

    start, workers = invocation(host), nginx_workers(host)
    project.apply_as_planned("--var", "port=8081")
    assert "Hello" in page(host, 8081)
    assert invocation(host) == start, "it was restarted where a reload would do"
    assert nginx_workers(host) != workers

    workers = nginx_workers(host)
    variables = ("--var", "port=8081", "--var", "greeting=Moin")
    project.apply_as_planned(*variables)
    assert "Moin" in page(host, 8081)
    assert nginx_workers(host) == workers, "it was reloaded although its configuration is the same"

    host.write("/etc/nginx/conf.d/site.conf", "server { listen 9999; }\n")
    host.run(["systemctl", "stop", "nginx"])
    project.mends("service.nginx@web", *variables)
    assert "Moin" in page(host, 8081)

    project.aivp("destroy -y")
    assert host.run(["systemctl", "is-active", "nginx"], check=False).stdout != "active\n"
    # Packages that apt brought along are left to apt; with them, everything is as it was.
    host.run(["apt-get", "autoremove", "--purge", "--yes"])
    assert changed(before, host) == ()


def page(host: lab.Host, port: int) -> str:
    fetch = f"import urllib.request as r; print(r.urlopen('http://localhost:{port}/', timeout=10).read().decode())"
    return host.run(["python3", "-c", fetch]).stdout


def invocation(host: lab.Host) -> str:
    return host.run(["systemctl", "show", "--property=InvocationID", "--value", "nginx"]).stdout


def nginx_workers(host: lab.Host) -> str:
    """Ids of the workers: new ones after a reload."""
    main = host.run(["systemctl", "show", "--property=MainPID", "--value", "nginx"]).stdout.strip()
    return host.read(f"/proc/{main}/task/{main}/children")


@pytest.mark.lab
def test_users_and_keys(example: CopyExample, host: lab.Host) -> None:
    host.run(["ssh-keygen", "-A"])
    host.run(["systemctl", "start", "ssh"])
    for name in ("ana", "ben"):
        host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", f"/root/{name}"])
    before = lab.snapshot(host)
    people = {"ana": host.read("/root/ana.pub").strip(), "ben": host.read("/root/ben.pub").strip()}
    project = example("03-users-and-keys", host)

    def given() -> tuple[str, ...]:
        return ("--var", f"people={json.dumps(people)}")

    project.apply_as_planned()
    project.apply_as_planned(*given())
    assert "operators" in host.run(["id", "-nG", "ben"]).stdout.split()
    assert login(host, "id -un") == "ana\n"
    assert login(host, "sudo -n -u app id -un") == "app\n"
    assert login(host, "touch /srv/app/by-ana && stat -c %U:%G /srv/app/by-ana") == "ana:operators\n"

    host.run(["usermod", "--shell", "/bin/false", "ana"])
    host.run(["rm", "/etc/sudoers.d/operators"])
    project.mends("user.person[ana]@box", *given())
    assert login(host, "sudo -n -u app id -un") == "app\n"

    del people["ben"]
    project.apply_as_planned(*given())
    assert host.run(["id", "ben"], check=False).returncode == 1
    assert host.run(["ls", "/home"]).stdout == "ana\n"

    project.edit("aivp.yaml", "ALL=(app) NOPASSWD: ALL", "can do what they like")
    assert "file.sudo@box" in project.aivp("apply -y", *given(), code=5)
    assert login(host, "sudo -n -u app id -un") == "app\n"

    host.run(["rm", "/srv/app/by-ana"])
    project.aivp("destroy -y")
    assert changed(before, host, *_ACCOUNT_FILES) == ()


def login(host: lab.Host, command: str) -> str:
    """What a command says to Ana when she logs in with her key."""
    options = ("-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR")
    return host.run(["ssh", "-i", "/root/ana", *options, "ana@localhost", command]).stdout


@pytest.mark.lab
def test_cue_project(example: CopyExample, host: lab.Host) -> None:
    project = example("04-cue-project", host)
    if shutil.which("cue", path=project.environ["PATH"]) is None:
        pytest.skip("cue is missing (scripts/setup builds it with Go)")
    before = lab.snapshot(host)

    project.apply_as_planned()
    assert host.read("/srv/sites/shop.conf") == "title = Shop\naddress = shop.example.com:8002\n"
    assert host.run(["stat", "-c", "%a", "/srv/sites/shop.conf"]).stdout == "600\n"

    sites = project.folder / "sites" / "sites.cue"
    good = sites.read_text(encoding="utf-8")
    for old, new, said in (
        ("port: 8002", "port: 80", "sites/sites.cue:6"),
        ('"0600"', '"0666"', "sites/sites.cue:6"),
        ("port: 8002", "port: 8001", 'conflicting values "shop" and "blog"'),
    ):
        project.edit("sites/sites.cue", old, new)
        assert said in project.aivp("validate", code=1)
        sites.write_text(good, encoding="utf-8")

    project.edit("sites/sites.cue", "wiki: {port: 8003", "talk: {port: 8003")
    project.apply_as_planned("--var", "domain=example.org")
    assert host.run(["ls", "/srv/sites"]).stdout == "blog.conf\nshop.conf\ntalk.conf\n"
    assert "talk.example.org:8003" in host.read("/srv/sites/talk.conf")

    host.run(["chmod", "0644", "/srv/sites/shop.conf"])
    project.mends("file.shop@box", "--var", "domain=example.org")

    project.aivp("destroy -y")
    assert changed(before, host) == ()


@pytest.mark.lab
def test_adopt_and_move(example: CopyExample, host: lab.Host) -> None:
    project = example("05-adopt-and-move", host)
    assert "AIVP0407" in project.aivp("plan", code=1), "there is nothing to import yet"

    host.write("/etc/app.conf", "workers = 2\n")
    before = lab.snapshot(host)
    shown = project.apply_as_planned()
    assert "managed from now on" in shown
    assert host.read("/etc/app.conf") == "workers = 4\n"

    host.run(["rm", "/srv/notes.txt"])
    project.mends("file.notes@box")

    kept = lab.snapshot(host, paths=_KEPT)
    shutil.copy(project.folder / "later.yaml", project.folder / "aivp.yaml")
    shown = project.apply_as_planned()
    assert "file.notes@box" in shown
    assert lab.difference(kept, lab.snapshot(host, paths=_KEPT), _RESTLESS) == ()
    assert host.run(["test", "-e", "/srv/scratch.txt"], check=False).returncode == 1
    assert addresses(project) == ["file.contacts@box"]

    project.aivp("destroy -y")
    left = changed(before, host)
    assert [line.split(":")[0] for line in left] == ["changed /etc/app.conf", "added /srv/banner.txt"], left


def addresses(project: Project) -> list[str]:
    """What state knows."""
    lines = project.aivp("state list --json").splitlines()
    return [json.loads(line)["address"] for line in lines]


_KEPT = ("/srv/notes.txt", "/srv/banner.txt", "/etc/app.conf")


@pytest.mark.lab
def test_two_environments(example: CopyExample, host: lab.Host) -> None:
    before = lab.snapshot(host)
    project = example("06-two-environments", host)
    assert "dev or prod" in project.aivp("validate", code=1), "it has to be said which one"
    dev, prod = project.in_environment("dev"), project.in_environment("prod")

    dev.apply_as_planned()
    prod.apply_as_planned()
    assert host.read("/srv/app-dev/settings.conf") == "workers = 1\n"
    assert host.read("/srv/app-prod/settings.conf") == "workers = 8\n"
    modes = host.run(["stat", "-c", "%a", "/srv/app-dev/settings.conf", "/srv/app-prod/settings.conf"]).stdout
    assert modes.split() == ["644", "640"]
    assert host.run(["ls", "/srv/app-dev", "/srv/app-prod"]).stdout.count("debug.conf") == 1
    assert "8" in prod.aivp("explain var.workers")

    dev.aivp("plan -o plan.json", "--var", "workers=2")
    digest = hashlib.sha256((project.folder / "plan.json").read_bytes()).hexdigest()
    assert "AIVP0506" in prod.aivp("apply plan.json", "--digest", digest, code=4), "a plan of another environment"
    dev.aivp("apply plan.json", "--var", "workers=2")
    assert host.read("/srv/app-dev/settings.conf") == "workers = 2\n"

    host.run(["rm", "-r", "/srv/app-prod"])
    dev.nothing_to_do("--var", "workers=2")
    prod.mends("file.settings@box")

    dev.aivp("destroy -y")
    prod.nothing_to_do()
    prod.aivp("destroy -y")
    assert changed(before, host) == ()
