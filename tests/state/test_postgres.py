"""What only a server can do to a state: it is away, slow, read-only, strange or cut off. No password is ever shown."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from aivp.diagnostics import Diagnostic, Refused
from aivp.model.place import PostgresPlace
from aivp.state import State, StepRecord, open_existing, open_state
from aivp.state.postgres_errors import refuse_server
from aivp.state.postgres_login import Login
from tests.state import server as servers
from tests.state.link import slow_link
from tests.state.objects import thing
from tests.state.server import Server

HERE = PostgresPlace({"connect_timeout": 2, "timeout": 3})


@pytest.fixture
def login(database: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    for name, value in database.items():
        monkeypatch.setenv(name, value)
    return database


@pytest.fixture
def own(server: Server, tmp_path: Path, login: Mapping[str, str]) -> Iterator[State]:
    found = open_state(HERE, tmp_path, "shop", "prod")
    yield found
    found.close()


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server that a test may stop."""
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        yield found


def refused(do, *shown: str) -> Diagnostic:
    """The one diagnostic, which shows none of what is secret."""
    with pytest.raises(Refused) as found:
        do()
    (item,) = found.value.diagnostics
    assert found.value.__cause__ is None
    for secret in ("open-sesame", "swordfish", "wrong-horse"):
        assert secret not in f"{item.why} {item.mend} {found.value}"
    return item


def attempt(place: PostgresPlace = HERE, project: str = "shop") -> None:
    open_state(place, Path("/nonexistent"), project, "prod").close()


@pytest.mark.parametrize(
    ("environ", "settings", "code", "words"),
    [
        ({"PGPASSWORD": "wrong-horse"}, {}, "AIVP0835", "password authentication failed"),
        ({"PGPASSWORD": ""}, {}, "AIVP0834", "no password supplied"),
        ({"PGUSER": "stranger"}, {}, "AIVP0835", "stranger"),
        ({"PGDATABASE": "nowhere"}, {}, "AIVP0835", 'database "nowhere" does not exist'),
        ({"PGHOST": "/nowhere"}, {}, "AIVP0834", "/nowhere"),
        ({}, {"host": "127.0.0.1", "port": 9}, "AIVP0834", "refused"),
        ({}, {"host": "no-such-host.invalid"}, "AIVP0834", "no-such-host"),
        ({}, {"service": "unknown"}, "AIVP0834", "unknown"),
        ({}, {"password": {"env": "NOT_SET"}}, "AIVP0847", "NOT_SET"),
        ({"D": "postgresql://u:wrong-horse@[h/x"}, {"dsn": {"env": "D"}}, "AIVP0847", "no DSN"),
        ({"D": "wrong-horse"}, {"dsn": {"env": "D"}}, "AIVP0847", "no DSN"),
        ({"P": "wrong-horse"}, {"password": {"env": "P"}}, "AIVP0835", "password authentication failed"),
        ({}, {"sslmode": "require", "host": "127.0.0.1", "port": 9}, "AIVP0834", ""),
        ({}, {"role": "nobody_knows"}, "AIVP0839", "nobody_knows"),
    ],
    ids=str,
)
def test_no_way_in(
    login: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    environ: Mapping[str, str],
    settings: Mapping[str, object],
    code: str,
    words: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    item = refused(lambda: attempt(PostgresPlace({"connect_timeout": 2, **settings})))
    assert (item.code, words in item.why) == (code, True), item
    assert item.mend


def test_every_way_to_name_a_server(
    server: Server, login: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt(PostgresPlace({"host": str(server.folder), "database": login["PGDATABASE"], "user": login["PGUSER"]}))
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("OURS", login["PGPASSWORD"])
    attempt(PostgresPlace({"password": {"env": "OURS"}}))
    secret = login["PGPASSWORD"]
    monkeypatch.setenv(
        "OURS", f"host={server.folder} user={login['PGUSER']} password={secret} dbname={login['PGUSER']}"
    )
    for name in ("PGHOST", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name)
    attempt(PostgresPlace({"dsn": {"env": "OURS"}}))
    service = tmp_path / "services"
    service.write_text(f"[ours]\nhost={server.folder}\nuser={login['PGUSER']}\ndbname={login['PGUSER']}\n")
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:{login['PGUSER']}:{secret}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    attempt(PostgresPlace({"service": "ours"}))


def test_a_server_that_says_nothing(login: Mapping[str, str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        place = PostgresPlace({"host": "127.0.0.1", "port": silent.getsockname()[1], "connect_timeout": 2})
        start = time.monotonic()
        assert refused(lambda: attempt(place)).code == "AIVP0834"
        assert time.monotonic() - start < 30


def test_a_session_that_is_ended_by_the_server(server: Server, own: State) -> None:
    own.put([thing("a")])
    pid = own.database.rows("SELECT pg_backend_pid()")[0][0]
    server.sql(f"SELECT pg_terminate_backend({pid})")
    item = refused(lambda: own.put([thing("b")]))
    assert (item.code, "--resume" in item.mend) == ("AIVP0836", True)
    assert refused(own.objects).code == "AIVP0836", "and stays so: a lock that is lost is not taken anew in silence"
    with closing(open_state(HERE, Path("/nonexistent"), "shop", "prod")) as again:
        assert [thing.address for thing in again.objects()] == ["file.a@lab"]


def test_a_lock_dies_with_its_session(server: Server, own: State) -> None:
    with own.exclusive():
        pid = own.database.rows("SELECT pg_backend_pid()")[0][0]
        with closing(open_state(HERE, Path("/nonexistent"), "shop", "prod")) as other:
            item = refused(lambda: other.exclusive().__enter__())
            assert item.code == "AIVP0511"
            assert "since" in item.why, "who has it"
            server.sql(f"SELECT pg_terminate_backend({pid})")
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    with other.exclusive():
                        break
                except Refused:
                    time.sleep(0.05)
            else:
                pytest.fail("still locked")


def test_a_server_that_crashes_and_comes_back(mortal: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in mortal.database("shop").items():
        monkeypatch.setenv(name, value)
    state = open_state(HERE, Path("/nonexistent"), "shop", "prod")
    state.put([thing("a")])
    mortal.stop(signal.SIGQUIT)
    assert refused(lambda: state.put([thing("b")])).code == "AIVP0836"
    state.close()
    assert refused(attempt).code == "AIVP0834"
    mortal.start()
    with closing(open_state(HERE, Path("/nonexistent"), "shop", "prod")) as again:
        assert [item.address for item in again.objects()] == ["file.a@lab"]


def test_a_server_that_stops_answering(server: Server, own: State) -> None:
    """Its kernel still acknowledges what we send, so no timeout of TCP would ever end this."""
    pid = own.database.rows("SELECT pg_backend_pid()")[0][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        assert refused(own.objects).code == "AIVP0838"
        assert time.monotonic() - start < 30
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_row_that_somebody_holds(server: Server, own: State, login: Mapping[str, str]) -> None:
    import psycopg

    with psycopg.connect(autocommit=False) as other:
        own.put([])
        other.execute("SELECT * FROM aivp_shop_prod.meta FOR UPDATE")
        item = refused(lambda: own.put([thing("a")]))
        assert (item.code, "timeout" in item.mend) == ("AIVP0838", True)
    own.put([thing("a")])


def test_a_server_that_may_only_be_read(own: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.put([thing("a")])
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    found = open_existing(HERE, tmp_path, "shop", "prod")
    assert found is not None
    with closing(found):
        assert len(found.objects()) == 1, "plans may be made there"
        assert refused(lambda: found.put([thing("b")])).code == "AIVP0837"
    assert refused(lambda: attempt(project="new")).code == "AIVP0837"


def test_a_standby(mortal: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in recovery, as a replica is for good."""
    for name, value in mortal.database("shop").items():
        monkeypatch.setenv(name, value)
    with closing(open_state(HERE, tmp_path, "shop", "prod")) as state:
        state.put([thing("a")])
    mortal.stop(signal.SIGINT)
    (mortal.folder / "data/standby.signal").touch()
    mortal.start(hot_standby="on")
    found = open_existing(HERE, tmp_path, "shop", "prod")
    assert found is not None
    with closing(found):
        assert len(found.objects()) == 1
        assert refused(lambda: found.put([thing("b")])).code == "AIVP0837"


def test_a_role_without_rights(server: Server, own: State, login: Mapping[str, str], monkeypatch) -> None:
    name = login["PGUSER"]
    server.sql(f"CREATE ROLE guest_{name} LOGIN PASSWORD 'open-sesame-18'")
    server.sql(f"GRANT CONNECT ON DATABASE {name} TO guest_{name}")
    monkeypatch.setenv("PGUSER", f"guest_{name}")
    monkeypatch.setenv("PGPASSWORD", "open-sesame-18")
    assert refused(attempt).code == "AIVP0839", "it may not look into another role's schema"
    assert refused(lambda: attempt(project="other")).code == "AIVP0839", "nor make one"
    server.sql(f"CREATE SCHEMA aivp_other_prod AUTHORIZATION guest_{name}", database=name)
    attempt(project="other")


def test_a_role_that_people_share(server: Server, login: Mapping[str, str], monkeypatch) -> None:
    """What one makes, the other can use: both act as `role`."""
    name = login["PGUSER"]
    server.sql(f"CREATE ROLE team_{name}")
    server.sql(f"GRANT CREATE, CONNECT ON DATABASE {name} TO team_{name}")
    server.sql(f"CREATE ROLE second_{name} LOGIN PASSWORD 'open-sesame-19' IN ROLE team_{name}")
    server.sql(f"GRANT team_{name} TO {name}")
    place = PostgresPlace({"role": f"team_{name}"})
    attempt(place)
    monkeypatch.setenv("PGUSER", f"second_{name}")
    monkeypatch.setenv("PGPASSWORD", "open-sesame-19")
    attempt(place)


def test_nobody_elses_tables_are_taken_for_ours(server: Server, own: State, login: Mapping[str, str]) -> None:
    """A table of that name in `public` (whose turn it would be, were the schema not named) changes nothing."""
    server.sql("CREATE TABLE public.objects (address text, deposed int, body text)", database=login["PGDATABASE"])
    assert own.objects() == []
    assert server.sql("SELECT count(*) FROM public.objects", database=login["PGDATABASE"]) == [(0,)]


def test_what_a_commit_promises_is_kept_on_a_careless_server(mortal: Server, tmp_path: Path, monkeypatch) -> None:
    for name, value in mortal.database("shop").items():
        monkeypatch.setenv(name, value)
    mortal.stop(signal.SIGINT)
    mortal.start(synchronous_commit="off", idle_session_timeout="1s", idle_in_transaction_session_timeout="1s")
    with closing(open_state(HERE, tmp_path, "shop", "prod")) as state:
        assert state.database.rows("SHOW synchronous_commit") == [("on",)]
        time.sleep(1.5)
        state.put([thing("a")])  # a step may take an hour: no session is too idle


def test_a_database_in_another_encoding(server: Server, login: Mapping[str, str], monkeypatch) -> None:
    name = f"latin_{login['PGUSER']}"
    server.sql(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 OWNER {login['PGUSER']}")
    monkeypatch.setenv("PGDATABASE", name)
    assert refused(attempt).code == "AIVP0839"


def test_servers_that_cannot_hold_a_state() -> None:
    login = Login(HERE)
    assert "PostgreSQL 12.9" in refused(lambda: refuse_server(login, version=120009)).why
    assert "PostgreSQL 9" in refused(lambda: refuse_server(login, version=90624)).why
    assert "pooler" in refused(lambda: refuse_server(login, is_pooled=True)).why


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psycopg", "aivp.state.postgres"):
        monkeypatch.setitem(sys.modules, name, None)
    item = refused(attempt)
    assert (item.code, "'psycopg[binary]>=3.2'" in item.mend) == ("AIVP0833", True)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler(server: Server, login: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("needs pgbouncer, to be refused")
    folder = server.folder / f"pooler-{login['PGUSER']}"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "users").write_text(f'"{login["PGUSER"]}" "{login["PGPASSWORD"]}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={server.folder} port={server.port}\n[pgbouncer]\nlisten_addr=\n"
        f"unix_socket_dir={folder}\nlisten_port=5432\nauth_type=plain\nauth_file={folder}/users\npool_mode={mode}\n"
    )
    monkeypatch.setenv("PGHOST", str(folder))
    process = subprocess.Popen(
        [program, folder / "ini"], stderr=subprocess.DEVNULL, **servers.unprivileged(server.user)
    )
    try:
        deadline = time.monotonic() + 20
        while not (folder / ".s.PGSQL.5432").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        item = refused(attempt)
        assert (item.code, "pooler" in item.why) == ("AIVP0839", True)
    finally:
        process.terminate()
        process.wait(20)


def test_schemas_are_names_that_nobody_cuts_off() -> None:
    place = PostgresPlace()
    assert place.schema("shop", "prod") == "aivp_shop_prod"
    assert PostgresPlace({"schema": "team"}).schema("shop", "prod") == "team_prod"
    long = {place.schema("p" * 80, name) for name in ("prod", "dev")}
    assert len(long) == 2
    assert {len(name) for name in long} == {63}


def test_ten_thousand_objects_cross_a_slow_link_in_few_round_trips(
    server: Server, login: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 ms one way: a round trip for each row would take 400 seconds."""
    with slow_link(f"{server.folder}/.s.PGSQL.{server.port}", 0.02) as folder:
        monkeypatch.setenv("PGHOST", folder)
        with closing(open_state(PostgresPlace(), tmp_path, "shop", "prod")) as state:
            start = time.monotonic()
            state.put([thing(f"n{number}") for number in range(10_000)])
            assert len(state.objects()) == 10_000
            assert time.monotonic() - start < 60


def test_a_commit_is_one_round_trip(
    server: Server, login: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 ms one way: far more than any of it takes here."""
    with slow_link(f"{server.folder}/.s.PGSQL.{server.port}", 0.15) as folder:
        monkeypatch.setenv("PGHOST", folder)
        with closing(open_state(PostgresPlace(), tmp_path, "shop", "prod")) as state:
            run = state.begin_run("sha256:1", b"", "now")
            took = []
            for number in range(3):
                start = time.monotonic()
                state.conclude(run, [StepRecord(f"s{number}", "done", "create", None, "now")], [thing("a")], [])
                took.append(time.monotonic() - start)
            assert 0.3 <= min(took) < 0.6, took


# TLS


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server on loopback with a certificate for localhost, and its authority's file."""
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        found.stop(signal.SIGINT)
        authority = certify(found, tmp_path)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = str(free.getsockname()[1])
        rules = "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        (found.folder / "data/pg_hba.conf").write_text(rules)
        files = {"ssl_cert_file": str(found.folder / "tls.crt"), "ssl_key_file": str(found.folder / "tls.key")}
        found.start(listen_addresses="127.0.0.1", ssl="on", **files)
        found.stop(signal.SIGINT)
        found.start(port=port)
        yield found, authority


def certify(server: Server, folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    owner = (server.folder / "data").stat()
    for path, data in ((server.folder / "tls.crt", pem), (server.folder / "tls.key", secret), (folder / "ca.pem", pem)):
        path.write_bytes(data)
        path.chmod(0o600)
        if path.parent == server.folder and os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
    return folder / "ca.pem"


def test_a_server_is_known_by_its_certificate(
    encrypted: tuple[Server, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, authority = encrypted
    for name, value in server.database("shop").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PGHOST")
    port = int(server.settings["port"])
    verified = {"host": "localhost", "port": port, "sslmode": "verify-full", "sslrootcert": authority.name}
    open_state(PostgresPlace(verified), tmp_path, "shop", "prod").close()
    other = PostgresPlace({**verified, "host": "127.0.0.1"})
    assert "certificate" in refused(lambda: open_state(other, tmp_path, "shop", "prod")).why
    strange = certify(server, tmp_path)
    assert strange == authority, "another authority by the same name"
    item = refused(lambda: open_state(PostgresPlace(verified), tmp_path, "shop", "prod"))
    assert (item.code, "sslrootcert" in item.mend) == ("AIVP0834", True), item
    plain = PostgresPlace({"host": "127.0.0.1", "port": port, "sslmode": "disable"})
    assert refused(lambda: open_state(plain, tmp_path, "shop", "prod")).code == "AIVP0835"
