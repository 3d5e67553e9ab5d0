"""Commands for real, in a temporary folder; a ledger beside it counts the runs."""

import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Secret, Unknown
from aivp_host.command import CommandKind
from aivp_sdk import Provider

from tests.providers.driver import Convergence, Failed, HostDriver

PROVIDER = Provider("host", "0.1.0", [CommandKind()])


@dataclass
class Place:
    """A folder to work in, the ledger of runs, and the way to the provider."""

    folder: Path
    driver: HostDriver

    @property
    def runs(self) -> int:
        ledger = self.folder / "ledger"
        return len(ledger.read_text().splitlines()) if ledger.exists() else 0

    def script(self, text: str = "") -> str:
        return f"echo ran >> {self.folder}/ledger; {text}"

    def config(self, **fields: Any) -> dict[str, Any]:
        if "argv" not in fields and "shell" not in fields:
            fields["shell"] = self.script()
        return {"name": "it", **fields}

    def converge(self, prior: Any = None, **fields: Any) -> Convergence:
        return self.driver.converge("command", self.config(**fields), prior=prior)

    def fails(self, **fields: Any) -> dict[str, Any]:
        with pytest.raises(Failed) as raised:
            self.converge(**fields)
        return dict(raised.value.error)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with HostDriver(PROVIDER, tmp_path / "effects") as driver:
        yield Place(tmp_path, driver)


def test_without_guard_runs_once_per_declaration(place: Place) -> None:
    first = place.converge().check()
    assert (first.decision.action, place.runs) == ("create", 1)
    same = place.converge(prior=place.config())
    assert (same.decision.action, same.before.computed, place.runs) == ("no-op", {}, 1)
    other = place.converge(prior=place.config(), env={"A": "1"})
    assert (other.decision.action, place.runs) == ("update", 2)
    assert [change.path for change in other.decision.changes] == ["/env"]


def test_how_it_is_judged_runs_nothing(place: Place) -> None:
    place.converge()
    same = place.converge(prior=place.config(), timeout="5m", exit_codes=[0, 1], capture=False)
    assert (same.decision.action, place.runs) == ("no-op", 1)


def test_outputs(place: Place) -> None:
    done = place.converge(shell="echo out; echo err >&2")
    assert done.before.computed == {"exit_code": 0, "stdout": Unknown(), "stderr": Unknown()}
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n"}
    assert done.outcome["absorbs_refresh"] is True


def test_argv_meets_no_shell(place: Place) -> None:
    done = place.converge(argv=["printf", "%s", "$HOME; `id` > x"])
    assert done.outcome is not None
    assert done.outcome["outputs"]["stdout"] == "$HOME; `id` > x"


def test_output_not_captured(place: Place) -> None:
    done = place.converge(shell="echo out", capture=False)
    assert done.before.computed == {"exit_code": 0}
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"exit_code": 0}


def test_exit_codes(place: Place) -> None:
    done = place.converge(shell="exit 3", exit_codes=[0, 3])
    assert done.before.computed["exit_code"] == Unknown()
    assert done.outcome is not None
    assert done.outcome["outputs"]["exit_code"] == 3


def test_failure_says_how(place: Place) -> None:
    error = place.fails(shell="for i in $(seq 100); do echo line $i; done >&2; exit 7")
    assert error["class"] == "temporary"
    assert "ended with exit code 7 (a success would be 0); its standard error ends with:" in error["message"]
    assert "line 100" in error["message"]
    assert "line 80\n" not in error["message"]
    assert "its output ends with:\nonly this" in place.fails(shell="echo only this; exit 1")["message"]
    assert "it wrote nothing" in place.fails(argv=["false"])["message"]
    assert "was killed by SIGKILL" in place.fails(shell="kill -9 $$")["message"]
    assert "no-such-program" in place.fails(argv=["no-such-program"])["message"]


def test_timeout(place: Place) -> None:
    before = time.monotonic()
    error = place.fails(argv=["sleep", "60"], timeout="1s")
    assert "did not end within 1 s and was stopped" in error["message"]
    assert time.monotonic() - before < 5


def test_creates(place: Place) -> None:
    made = place.folder / "made"
    config = {"creates": str(made), "shell": place.script(f"touch {made}")}
    first = place.converge(**config).check()
    assert (first.decision.action, place.runs) == ("create", 1)
    assert place.converge(**config).decision.action == "no-op"
    assert place.converge(prior={"name": "it", "shell": "other"}, **config).decision.action == "no-op"
    made.unlink()
    again = place.converge(prior=place.config(**config), **config).check()
    assert (again.decision.action, place.runs) == ("update", 2)


def test_removes(place: Place) -> None:
    doomed = place.folder / "doomed"
    config = {"removes": str(doomed), "shell": place.script(f"rm {doomed}")}
    assert place.converge(**config).decision.action == "no-op"
    doomed.symlink_to("/nowhere")
    assert place.converge(**config).check().decision.action == "create"
    assert place.runs == 1


@pytest.mark.parametrize("as_list", [True, False])
def test_unless(place: Place, as_list: bool) -> None:
    made = place.folder / "made"
    unless: Any = ["test", "-e", str(made)] if as_list else {"shell": f"[ -e {made} ]"}
    config = {"unless": unless, "shell": place.script(f"touch {made}")}
    assert place.converge(**config).check().decision.action == "create"
    assert place.converge(**config).decision.action == "no-op"
    assert place.runs == 1


def test_only_if(place: Place) -> None:
    doomed = place.folder / "doomed"
    config = {"only_if": ["test", "-e", str(doomed)], "shell": place.script(f"rm {doomed}")}
    assert place.converge(**config).decision.action == "no-op"
    doomed.touch()
    assert place.converge(**config).check().decision.action == "create"
    assert place.runs == 1


def test_any_guard_may_hold_it_back(place: Place) -> None:
    made = place.folder / "made"
    config = {"creates": str(made), "only_if": ["true"], "shell": place.script(f"touch {made}")}
    assert place.converge(**config).check().decision.action == "create"
    assert place.converge(only_if=["false"], creates="/nowhere").decision.action == "no-op"
    assert place.runs == 1


def test_guard_that_is_not_there(place: Place) -> None:
    """A program that an earlier step may install: not found is an exit code other than 0."""
    missing = ["no-such-program"]
    assert place.driver.observe("command", place.config(unless=missing)).satisfied is False
    assert place.driver.observe("command", place.config(only_if=missing)).satisfied is True


def test_guard_before_its_user_and_folder_exist(place: Place) -> None:
    for field in ("unless", "only_if"):
        for where in ({"user": "nobody-yet"}, {"group": "nobody-yet"}, {"cwd": "/not/yet"}):
            seen = place.driver.observe("command", place.config(**{field: ["true"]}, **where))
            assert seen.satisfied is False, (field, where)


def test_guard_still_unmet_fails(place: Place) -> None:
    error = place.fails(creates="/nowhere", unless=["test", "-e", "/nothing"])
    assert place.runs == 1
    assert (
        "its guard still asks for it: /nowhere does not exist; unless (test -e /nothing) exited with 1"
        in error["message"]
    )
    assert error["path"] == "/creates"


def test_guard_that_hangs(place: Place) -> None:
    error = place.fails(unless=["sleep", "60"], timeout=1)
    assert (error["class"], error["path"], place.runs) == ("temporary", "/unless", 0)


def test_guard_with_a_wrong_form(place: Place) -> None:
    assert place.fails(unless={"sh": "x"})["path"] == "/unless"
    assert place.fails(only_if=[])["path"] == "/only_if"


def test_guards_see_what_the_command_sees(place: Place) -> None:
    done = place.converge(
        shell=place.script(),
        only_if={"shell": f'echo "$A $(pwd) $(umask)" > {place.folder}/seen; exit 1'},
        env={"A": "x"},
        cwd=str(place.folder),
        umask="027",
    )
    assert done.decision.action == "no-op"
    assert (place.folder / "seen").read_text() == f"x {place.folder} 0027\n"


def test_surroundings(place: Place) -> None:
    done = place.converge(
        shell='pwd; umask; cat; echo "$A"; env | sort | cut -d= -f1 | tr "\\n" " "',
        cwd=str(place.folder),
        umask="077",
        stdin="from stdin\n",
        env={"A": "a=b"},
    )
    assert done.outcome is not None
    lines = done.outcome["outputs"]["stdout"].splitlines()
    assert lines[:4] == [str(place.folder), "0077", "from stdin", "a=b"]
    assert lines[4].split() == ["A", "HOME", "LC_ALL", "LOGNAME", "PATH", "PWD", "SHELL", "USER"]


@pytest.mark.skipif(os.geteuid() != 0, reason="running a command as another user needs root")
def test_as_another_user(place: Place) -> None:
    nobody = pwd.getpwnam("nobody")
    done = place.converge(shell="id -u; id -g; id -G; echo $HOME $USER", user="nobody")
    assert done.outcome is not None
    uid, gid, groups, account = done.outcome["outputs"]["stdout"].splitlines()
    assert (int(uid), int(gid)) == (nobody.pw_uid, nobody.pw_gid)
    assert "0" not in groups.split()
    assert account == f"{nobody.pw_dir} nobody"
    done = place.converge(shell="id -gn", user="nobody", group="daemon")
    assert done.outcome is not None
    assert done.outcome["outputs"]["stdout"] == "daemon\n"


def test_unknown_user_fails_the_step(place: Place) -> None:
    assert "no-such-user" in place.fails(user="no-such-user")["message"]
    assert place.runs == 0


def test_bad_variable_name(place: Place) -> None:
    assert place.fails(env={"A=B": "x"})["path"] == "/env"


def test_refresh_only(place: Place) -> None:
    config = place.config(refresh_only=True)
    seen = place.driver.observe("command", config)
    assert place.driver.decide("command", config, seen).action == "no-op"
    done = place.driver.apply("command", config, seen, Decision("refresh"))
    assert (done["absorbs_refresh"], place.runs) == (True, 1)
    assert (
        place.driver.decide("command", config, place.driver.observe("command", config, config), config).action
        == "no-op"
    )


def test_refresh_runs_any_command_again(place: Place) -> None:
    config = place.config()
    seen = place.driver.observe("command", config, config)
    place.driver.apply("command", config, seen, Decision("refresh"), prior=config)
    assert place.runs == 1


def test_guard_holds_back_a_refresh(place: Place) -> None:
    config = place.config(refresh_only=True, creates=str(place.folder))
    seen = place.driver.observe("command", config)
    done = place.driver.apply("command", config, seen, Decision("refresh"))
    assert (done["absorbs_refresh"], place.runs) == (True, 0)


def test_same_step_answers_again_without_a_run(place: Place) -> None:
    config = place.config(shell=place.script("echo $$"))
    seen = place.driver.observe("command", config)
    decision = place.driver.decide("command", config, seen)
    first = place.driver.apply("command", config, seen, decision, key="run/step/1")
    assert place.driver.apply("command", config, seen, decision, key="run/step/1") == first
    assert place.runs == 1
    assert place.driver.apply("command", config, seen, decision, key="run/step/2") != first
    assert place.runs == 2


SECRET = Secret(origin={"secret": "db"}, value="hunter2-correct-horse")


def test_secret_goes_in_and_nothing_comes_out(place: Place) -> None:
    (place.folder / "known").write_text("hunter2-correct-horse")
    text = place.script(f'k=$(cat {place.folder}/known); [ "$P" = "$k" ] && [ "$(cat)" = "$k" ] && echo $P | rev')
    done = place.converge(shell=text, env={"P": SECRET}, stdin=SECRET)  # it failed if they had not come through
    assert done.before.computed == {"exit_code": 0}
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"exit_code": 0}
    recorded = b"".join(path.read_bytes() for path in (place.folder / "effects").rglob("*") if path.is_file())
    assert b"hunter2" not in recorded
    assert b"2retnuh" not in recorded


def test_failure_with_a_secret_shows_no_output(place: Place) -> None:
    error = place.fails(shell="echo $P | rev; exit 1", env={"P": SECRET})
    assert "what it wrote stays on the host" in error["message"]
    assert "2retnuh" not in str(error)


def test_secret_is_no_change_by_itself(place: Place) -> None:
    config = place.config(env={"P": SECRET})
    place.driver.converge("command", config)
    again = place.driver.observe("command", config, {**config, "env": {"P": Secret(origin={"secret": "db"})}})
    assert again.computed == {}


@pytest.mark.parametrize("field", ["argv", "shell", "unless", "only_if"])
def test_secret_as_an_argument_is_refused(place: Place, field: str) -> None:
    value: Any = {"argv": ["echo", SECRET], "shell": SECRET}.get(field, [SECRET])
    error = place.fails(**{field: value}, **({} if field in ("argv", "shell") else {"argv": ["true"]}))
    assert error["path"] == f"/{field}"
    assert "visible to other users" in error["message"]


def test_manifest() -> None:
    described = PROVIDER.described["command"]
    assert (described.existence, described.phase, described.disturbs) == ("recorded", "command", ("*",))
    assert (described.deletable, described.refreshable, described.batch) == (False, True, False)
    assert {name for name, field in described.fields.items() if field.guard} == {"unless", "only_if"}
