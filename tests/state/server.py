"""A real PostgreSQL server for tests: its own folder, a unix socket (and loopback where asked), gone afterwards."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MISSING = "needs PostgreSQL's server programs (Debian: postgresql), which scripts/setup installs as root"
PASSWORD = "swordfish-of-the-admin"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`: from PATH, else where Debian puts the newest."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("postgres"):
        return Path(os.path.realpath(on_path)).parent
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    return Path(found[-1]).parent if found else None


@dataclass
class Server:
    """A running server. `environ`: what a libpq program needs to be its superuser."""

    bin: Path
    folder: Path
    user: str
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {"PGHOST": str(self.folder), "PGUSER": "admin", "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres"}

    @property
    def port(self) -> str:
        return self.settings.get("port", "5432")

    def start(self, **settings: str) -> None:
        """Start, or start again with other settings; returns when it answers."""
        self.settings.update(settings)
        words = [f"-c{name}={value}" for name, value in self.settings.items()]
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            start_new_session=True,
            **unprivileged(self.user),
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(Exception):
                self.sql("SELECT 1")
                return
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is a crash: no goodbye to clients. SIGINT is an orderly fast end."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def sql(self, query: str, database: str = "postgres", **values: object) -> list[tuple]:
        """As superuser, past aivp."""
        import psycopg

        words = {"host": str(self.folder), "user": "admin", "password": PASSWORD, "dbname": database, "port": self.port}
        with psycopg.connect(**words, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def database(self, name: str, password: str = "open-sesame-17") -> Mapping[str, str]:
        """An empty database that its role owns nothing of, but may create a schema in; that role's environment.

        One by the same name is emptied, since making and removing its 300 files takes longer.
        """
        if self.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
            self._empty(name)
        else:
            self.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
            self.sql(f"CREATE DATABASE {name}")
            self.sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            self.sql(f"GRANT CONNECT, CREATE ON DATABASE {name} TO {name}")
        return {"PGHOST": str(self.folder), "PGUSER": name, "PGDATABASE": name, "PGPASSWORD": password}

    def _empty(self, name: str) -> None:
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        ours = "nspname NOT LIKE 'pg_%' AND nspname NOT IN ('information_schema', 'public')"
        for (schema,) in self.sql(f"SELECT nspname FROM pg_namespace WHERE {ours}", database=name):
            self.sql(f'DROP SCHEMA "{schema}" CASCADE', database=name)
        for (table,) in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name):
            self.sql(f"DROP TABLE public.{table}", database=name)


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A new server, as an unprivileged user. Without its programs there is nothing to start."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="aivp-pg-", dir="/tmp"))  # a socket's path has 107 bytes at most
    user = _user()
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    server = Server(found, folder, user)
    try:
        subprocess.run(
            [found / "initdb", "-D", folder / "data", "-U", "admin", "-A", "scram-sha-256", "--pwfile", secret,
             "-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
            cwd=folder, check=True, capture_output=True, timeout=120, **unprivileged(user),
        )  # fmt: skip
        quick = {"fsync": "off", "listen_addresses": "", "max_connections": "40", "shared_buffers": "16MB"}
        server.start(**quick, **settings)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    """The server refuses to be root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"


def unprivileged(user: str) -> dict[str, object]:
    """What starts a process as that user, where we are root."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(user)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
