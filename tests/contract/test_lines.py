"""Messages on a stream of bytes."""

from __future__ import annotations

import io

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
