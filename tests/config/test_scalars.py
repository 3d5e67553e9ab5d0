import json
import math

import pytest
from aivp_contract.canonical import admit, decode, encode
from hypothesis import given
from hypothesis import strategies as st

from aivp.config.scalars import BadScalar, plain

GOOD = [
    ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"),
    ("true", True), ("FALSE", False), ("tRue", "tRue"),
    ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N"),
    ("0", 0), ("-0", 0), ("+7", 7), ("-12", -12), ("9007199254740991", 2**53 - 1), ("-9007199254740991", 1 - 2**53),
    ("0x1F", 31), ("0o17", 15), ("0X1F", "0X1F"), ("0b11", "0b11"), ("-0x1", "-0x1"), ("0o8", "0o8"),
    ("1.5", 1.5), (".5", 0.5), ("-1.25", -1.25), ("1.0", 1), ("1.", 1), ("-0.0", 0), ("1e3", 1000), ("2.5E-1", 0.25),
    ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"), (".", "."),
    ("+", "+"), ("-", "-"), ("00:16:3e:00:00:01", "00:16:3e:00:00:01"), ("0644x", "0644x"), ("1e", "1e"),
    ("10.77.0.0/24", "10.77.0.0/24"), ("=", "="), (".info", ".info"), ("٣", "٣"),
]  # fmt: skip

BAD = {
    "AIVP0111": ["0644", "00", "-012", "+01", "08", "01.5", "00e1"],
    "AIVP0112": [
        ".nan", ".NaN", ".inf", "-.INF", "+.inf", "9007199254740992", "-9007199254740992", "0xFFFFFFFFFFFFFFFF",
        "9" * 5000, "0o7" * 1 + "7" * 5000, "1e16", "1e400", "-1e999999", "1e-400", "0.00001", "1000000000000000.5",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_core_schema(text: str, value: object) -> None:
    found = plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in BAD.items() for text in texts])
def test_refused(code: str, text: str) -> None:
    with pytest.raises(BadScalar) as refused:
        plain(text)
    assert refused.value.code == code
    assert "quote it" in refused.value.mend
    assert len(refused.value.why) < 200


@given(st.text(alphabet="0123456789.+-eExoabcf_infnaNtru~", max_size=30))
def test_every_text_is_admitted_or_refused(text: str) -> None:
    try:
        value = plain(text)
    except BadScalar:
        return
    admit(value)


@given(st.floats(allow_nan=False))
def test_floats_as_python_prints_them(value: float) -> None:
    try:
        found = plain(repr(value))
    except BadScalar:
        assert math.isinf(value) or value == int(value) or abs(value) < 1e-4 or abs(value) >= 1e15
        return
    assert found == (repr(value) if "inf" in repr(value) else value)
    assert decode(encode(found)) == json.loads(json.dumps(found))
