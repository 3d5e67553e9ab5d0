"""Traces of runs, taken by a real receiver of OTLP over HTTP in this process; and one that is away, slow or broken."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.cli.test_commands import Shell

SECRET = "kept-from-every-receiver"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Receiver:
    """Takes spans; `status` is what it answers, after `delay` seconds."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.bodies = b""
        self.status, self.delay = 200, 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                time.sleep(receiver.delay)
                self.send_response(receiver.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        self.bodies += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                item.value.string_value for item in resource.resource.attributes if item.key == "service.name"
            }
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(
        "secrets: {s: {env: THE_SECRET}}\n"
        "resources:\n"
        f"  file.a: {{host: lab, path: {found.things}/a, content: '${{secret.s}}'}}\n"
        "  command.fails: {host: lab, argv: ['false']}\n"
    )
    found.environ["THE_SECRET"] = SECRET
    return found


def attributes(span: Span) -> dict[str, object]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_a_run_its_hosts_its_steps_and_their_providers(shell: Shell, receiver: Receiver) -> None:
    before = time.time_ns()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "TRACEPARENT": f"00-{TRACE}-{PARENT}-01"}
    done = shell.run("apply", "-y", env=env)
    assert done.returncode == 5, done.stdout
    assert b"0951" not in done.stderr
    run, host = receiver.named("aivp run"), receiver.named("host lab")
    step, call = receiver.named("create file.a@lab"), receiver.named("apply file")
    failed = receiver.named("create command.fails@lab")
    assert {span.trace_id.hex() for span in receiver.spans} == {TRACE}
    assert run.parent_span_id.hex() == PARENT
    assert [span.parent_span_id for span in (host, step, call, failed)] == [
        run.span_id,
        host.span_id,
        step.span_id,
        host.span_id,
    ]
    assert before <= run.start_time_unix_nano <= host.start_time_unix_nano <= step.start_time_unix_nano
    assert step.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano <= step.end_time_unix_nano
    assert step.end_time_unix_nano <= host.end_time_unix_nano <= run.end_time_unix_nano <= time.time_ns()
    assert attributes(step) == {
        "aivp.host": "lab",
        "aivp.address": "file.a@lab",
        "aivp.kind": "file",
        "aivp.planned": "create",
        "aivp.action": "create",
        "aivp.outcome": "done",
    }
    assert attributes(run).items() >= {"aivp.project": "calm", "aivp.outcome": "failed", "aivp.steps.failed": 1}.items()
    assert (failed.status.code, attributes(failed)["error.type"]) == (2, "temporary")
    assert receiver.services == {"aivp"}
    assert SECRET.encode() not in receiver.bodies


def test_who_has_no_receiver_sends_nothing(shell: Shell, receiver: Receiver) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_SDK_DISABLED": "true"}
    assert shell.run("apply", "-y", env=env).returncode == 5
    assert receiver.spans == []


@pytest.mark.parametrize("how", ["away", "silent", "refusing"])
def test_a_receiver_that_does_not_work_costs_a_warning_and_little_time(
    shell: Shell, receiver: Receiver, how: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and does not listen
        if how == "silent":
            nobody.listen(1)
        receiver.status = 400
        there = receiver.endpoint if how == "refusing" else f"http://user:hidden@127.0.0.1:{nobody.getsockname()[1]}"
        begun = time.monotonic()
        done = shell.run("apply", "-y", env={"OTEL_EXPORTER_OTLP_ENDPOINT": there})
        took = time.monotonic() - begun
    assert done.returncode == 5
    said = done.stderr.decode()
    assert said.count("warning[AIVP0951]") == 1, said
    assert "Traceback" not in said
    assert "hidden" not in said + done.stdout.decode()
    assert took < 12, took


def test_without_the_extra_it_is_said_how_to_get_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "without/opentelemetry").mkdir(parents=True)
    (tmp_path / "without/opentelemetry/__init__.py").write_text("raise ImportError('not installed')")
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PYTHONPATH": str(tmp_path / "without")}
    done = shell.run("apply", "-y", env=env)
    assert done.returncode == 5
    assert done.stderr.decode().count("warning[AIVP0952]") == 1
    assert b"the extra `otel`" in done.stderr
    lines = shell.run("apply", "--resume", "--json", env=env).stdout
    assert lines.count(b"AIVP0952") == 1
