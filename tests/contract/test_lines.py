"""Messages on a stream of bytes."""

from __future__ import annotations

import io
import zlib

import pytest
from aivp_contract.lines import MAX_LINE, BadLine, read_message, write_message
from aivp_contract.values import Secret
from hypothesis import given, settings

from .test_canonical import VALUES


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_messages_come_back(value):
    stream = io.BytesIO()
    for _ in range(2):
        write_message(stream, {"v": value})
    stream.seek(0)
    assert [read_message(stream) for _ in range(3)] == [{"v": value}, {"v": value}, None]


def test_a_secret_keeps_its_value_on_the_way():
    stream = io.BytesIO()
    write_message(stream, {"s": Secret({"secret": "a"}, "value")})
    stream.seek(0)
    assert read_message(stream)["s"].value == "value"


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}',
        b"\n",
        b"[]\n",
        b"7\n",
        b"not json\n",
        b"\xff\xfe\n",
        b'{"$aivp":"unknown"}\n',
        b'{"$aivp":"evil"}\n',
        b"[" * 100_000 + b"\n",
        b'{"a":"' + b"x" * MAX_LINE + b'"}\n',
    ],
)
def test_what_is_no_message(data):
    with pytest.raises(BadLine):
        read_message(io.BytesIO(data))


def test_a_line_without_end_is_not_read_for_ever():
    class Endless(io.RawIOBase):
        served = 0

        def readline(self, size=-1):
            self.served += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(BadLine):
        read_message(stream)
    assert stream.served == MAX_LINE + 1


def test_a_message_at_the_most_and_one_beyond():
    stream = io.BytesIO()
    room = MAX_LINE - len(b'{"a":""}\n')
    write_message(stream, {"a": "x" * room})
    assert len(stream.getvalue()) == MAX_LINE
    with pytest.raises(BadLine):
        write_message(stream, {"a": "x" * (room + 1)})
    assert len(stream.getvalue()) == MAX_LINE, "nothing of it was written"


def test_a_long_message_may_travel_packed() -> None:
    stream = io.BytesIO()
    short, long = {"v": "x"}, {"v": "x" * 100_000}
    for message in (short, long):
        write_message(stream, message, packs=True)
    assert len(stream.getvalue()) < 1000
    stream.seek(0)
    assert [read_message(stream, may_be_packed=True) for _ in range(3)] == [short, long, None]


def packed(data: bytes) -> bytes:
    found = zlib.compress(data)
    return b"~%d\n" % len(found) + found


@pytest.mark.parametrize(
    "data",
    [
        b"~\n",
        b"~x\n",
        b"~-1\n",
        b"~0\n",
        b"~99999999\n",
        b"~5\nab",
        b"~3\nabc",
        packed(b'{"v": 1}\n')[:-6] + b"abcdef",
        packed(b"x" * (MAX_LINE + 1)),
        packed(b'{"v": 1}'),
        packed(b"[]\n"),
        packed(b'~1\n{"v": 1}\n'),
    ],
)
def test_a_packed_message_that_is_none(data: bytes) -> None:
    with pytest.raises(BadLine):
        read_message(io.BytesIO(data), may_be_packed=True)


def test_nothing_is_unpacked_where_nobody_packs() -> None:
    with pytest.raises(BadLine):
        read_message(io.BytesIO(packed(b'{"v": 1}\n')))
