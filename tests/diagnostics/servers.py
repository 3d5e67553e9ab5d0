"""What only a real PostgreSQL server can do to a state. Called with the server as well."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping

from tests.diagnostics.stage import AIVP, Stage
from tests.state.server import Server

HEAD = "aivp: v1\nproject: shop\nhosts: {web: {transport: local}}\nstate: {postgres: {timeout: 3}}\n"
MARK = HEAD + "resources:\n  noop.mark: {}\n"
GATE = (
    HEAD
    + "resources:\n  command.gate: {shell: \"touch 'HERE/begun'; while [ ! -e 'HERE/open' ]; do sleep 0.05; done\"}\n"
)


def _log_in(stage: Stage, server: Server, text: str = MARK) -> None:
    stage.environ.update(server.database("diagnostics"))
    stage.put({"aivp.yaml": text.replace("HERE", str(stage.folder))})


def wrong_password(stage: Stage, bad: bool, server: Server) -> None:
    _log_in(stage, server)
    stage.aivp("apply", "-y", **({"PGPASSWORD": "wrong-horse"} if bad else {}))


def session_ended(stage: Stage, bad: bool, server: Server) -> None:
    _log_in(stage, server, GATE)
    if not bad:
        (stage.folder / "open").touch()
    process = subprocess.Popen(
        [str(AIVP), "apply", "-y"],
        cwd=stage.folder,
        env=stage.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.monotonic() + 60
    while not (stage.folder / "begun").exists() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    if bad:
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'diagnostics'")
    (stage.folder / "open").touch()
    said, _ = process.communicate(timeout=60)
    stage.hear(said)


def read_only(stage: Stage, bad: bool, server: Server) -> None:
    _log_in(stage, server)
    stage.aivp("apply", "-y", **({"PGOPTIONS": "-c default_transaction_read_only=on"} if bad else {}))


def held_row(stage: Stage, bad: bool, server: Server) -> None:
    import psycopg

    _log_in(stage, server)
    stage.aivp("apply", "-y", "--exclude", "noop.mark")
    stage.aivp("plan", "-o", "plan.json")
    names = {"PGHOST": "host", "PGUSER": "user", "PGDATABASE": "dbname", "PGPASSWORD": "password"}
    login = {name: stage.environ[key] for key, name in names.items()}
    with psycopg.connect(**login, autocommit=False) as other:
        if bad:
            other.execute("SELECT * FROM aivp_shop_main.meta FOR UPDATE")
        stage.aivp("apply", "plan.json")


def unknown_role(stage: Stage, bad: bool, server: Server) -> None:
    _log_in(stage, server, MARK.replace("timeout: 3", "timeout: 3, role: nobody_knows") if bad else MARK)
    stage.aivp("apply", "-y")


SITUATIONS: Mapping[str, Callable[[Stage, bool, Server], None]] = {
    "AIVP0835": wrong_password,
    "AIVP0836": session_ended,
    "AIVP0837": read_only,
    "AIVP0838": held_row,
    "AIVP0839": unknown_role,
}
