"""Frames are found again after anything: garbage, frames that were cut, marks within payloads."""

from __future__ import annotations

from itertools import pairwise

import pytest
from aivp_guest import wire
from aivp_guest.wire import BEGINNING, Decoder, Frame, Messages
from hypothesis import given
from hypothesis import strategies as st

_FRAMES = st.builds(
    Frame,
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=200) | st.just(bytes(wire.PAYLOAD)) | st.just(wire.encode(wire.IN, 3, b"within")),
    st.booleans(),
)


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(st.lists(_FRAMES, max_size=8), st.lists(st.integers(0, 10**6), max_size=8))
def test_frames_come_out_as_they_went_in_however_they_are_cut(frames: list[Frame], cuts: list[int]) -> None:
    decoder = Decoder()
    found = [
        frame
        for part in _split(b"".join(wire.encode(*frame) for frame in frames), cuts)
        for frame in decoder.feed(part)
    ]
    assert found == frames
    assert decoder.skipped == 0


@given(st.lists(_FRAMES, min_size=1, max_size=4), st.binary(min_size=1, max_size=300), st.integers(0, 3))
def test_frames_after_garbage_are_found_and_the_gap_is_told(frames: list[Frame], garbage: bytes, before: int) -> None:
    decoder = Decoder()
    encoded = [wire.encode(*frame) for frame in frames]
    encoded.insert(min(before, len(encoded)), garbage + BEGINNING)
    found = decoder.feed(b"".join(encoded))
    assert [frame for frame in found if frame.kind != wire.GAP] == frames
    assert sum(frame.kind == wire.GAP for frame in found) == 1


@given(_FRAMES, _FRAMES, st.integers(1, 40_000))
def test_side_that_began_again_is_understood_whatever_the_earlier_one_left(old: Frame, new: Frame, cut: int) -> None:
    left = wire.encode(*old)
    left = left[: cut % len(left)]
    decoder = Decoder()
    found = decoder.feed(left) + decoder.feed(BEGINNING) + decoder.feed(wire.encode(*new))
    assert found[-1] == new
    # Zeros may be just what was missing.
    assert all(frame.kind == wire.GAP or frame == old for frame in found[:-1])


def test_decoder_holds_little_of_endless_garbage() -> None:
    decoder = Decoder()
    for _ in range(100):
        decoder.feed(b"\xaaVP1" * 20_000)
    assert len(decoder._buffer) < 2 * 32 * 1024 + 80_000


def test_flipped_bit_is_no_frame() -> None:
    frame = bytearray(wire.encode(wire.OUT, 1, b"hello"))
    for place in range(len(frame)):
        changed = bytes(frame[:place]) + bytes([frame[place] ^ 4]) + bytes(frame[place + 1 :])
        assert all(found.kind == wire.GAP for found in Decoder().feed(changed + BEGINNING))


def test_messages_of_many_frames() -> None:
    messages = Messages()
    large = {"argv": ["x" * 100_000], "é": "\udcff"}
    frames = Decoder().feed(wire.encode_message(wire.START, 7, large))
    assert len(frames) == 4
    assert [messages.add(frame) for frame in frames] == [None, None, None, large]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b"[" * 30_000])
def test_what_is_no_message(payload: bytes) -> None:
    with pytest.raises(wire.BadMessage):
        Messages().add(Frame(wire.START, 1, payload))


def test_message_without_end_is_cut_off() -> None:
    messages = Messages()
    part = Frame(wire.START, 1, bytes(wire.PAYLOAD), True)
    for _ in range(wire.MESSAGE // wire.PAYLOAD):
        assert messages.add(part) is None
    with pytest.raises(wire.BadMessage):
        messages.add(part)
