"""Fetching from a server that breaks off, lies, changes its mind or leads elsewhere: the right bytes, or no file."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from aivp_image.download import fetch
from aivp_image.download_http import Wanted
from aivp_sdk import Permanent, Temporary

from tests.providers.image.download.server import Shop, serving

DATA = os.urandom(1_000_003)


def wanted(url: str, data: bytes = DATA, **more: Any) -> Wanted:
    return Wanted(url, "sha256", hashlib.sha256(data).hexdigest(), **more)


def get(shop: Shop, folder: Path, data: bytes = DATA, **more: Any) -> Path:
    with serving(shop) as url:
        return fetch(wanted(url, data, **more), folder, lambda *_: None, timeout=2, pause=0.01)


def visible(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def drafts(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith((".part", ".json")))


def check(path: Path, data: bytes = DATA) -> None:
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o400
    assert visible(path.parent) == [path.name]
    assert drafts(path.parent) == []


def test_a_file(tmp_path: Path) -> None:
    told: list[Any] = []
    with serving(Shop(DATA)) as url:
        path = fetch(wanted(url), tmp_path, lambda *said: told.append(said), timeout=2)
    check(path)
    assert told[-1][1:] == (len(DATA), len(DATA))
    assert all(before[1] < after[1] for before, after in itertools.pairwise(told))


def test_a_second_time_nobody_asks(tmp_path: Path) -> None:
    shop = Shop(DATA)
    assert get(shop, tmp_path) == get(shop, tmp_path)
    assert len(shop.asked) == 1


def test_sha512(tmp_path: Path) -> None:
    with serving(Shop(DATA)) as url:
        digest = hashlib.sha512(DATA).hexdigest()
        path = fetch(Wanted(url, "sha512", digest), tmp_path, lambda *_: None, timeout=2)
    check(path)
    assert path.name == f"sha512-{digest}"


def test_it_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[300_000, 500_000])
    check(get(shop, tmp_path))
    assert shop.asked == [None, "bytes=300000-", "bytes=800000-"]


def test_the_next_session_goes_on_where_one_gave_up(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[100_000, 1, 1, 1, 1])
    with serving(shop) as url:
        with pytest.raises(Temporary, match=r"broke off 5 times: .*; what came is kept"):
            fetch(wanted(url), tmp_path, lambda *_: None, timeout=2, pause=0.01)
        assert visible(tmp_path) == []
        shop.asked.clear()
        check(fetch(wanted(url), tmp_path, lambda *_: None, timeout=2))
    assert shop.asked == ["bytes=100004-"]


def test_without_ranges_it_begins_again(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[300_000], has_ranges=False)
    check(get(shop, tmp_path))
    assert shop.asked == [None, "bytes=300000-"]


def test_what_changed_in_between_is_not_mixed(tmp_path: Path) -> None:
    """The tag says it: the server sends the new one whole."""
    shop = Shop(os.urandom(len(DATA)), cut=[300_000], tag='"old"')

    def change() -> None:
        if len(shop.asked) == 2:
            shop.data, shop.tag = DATA, '"new"'

    shop.before = change
    check(get(shop, tmp_path))


def test_what_changed_in_between_unsaid_is_fetched_again(tmp_path: Path) -> None:
    """A server without tags sends the rest of another version: the digest says it, and all is fetched anew."""
    shop = Shop(os.urandom(len(DATA)), cut=[300_000], tag=None)

    def change() -> None:
        if len(shop.asked) == 2:
            shop.data = DATA

    shop.before = change
    check(get(shop, tmp_path))
    assert shop.asked == [None, "bytes=300000-", None]


def test_what_changed_its_size_in_between(tmp_path: Path) -> None:
    shop = Shop(DATA + b"more", cut=[300_000], tag=None)

    def change() -> None:
        if len(shop.asked) == 2:
            shop.data = DATA

    shop.before = change
    check(get(shop, tmp_path))


def test_what_shrank_below_what_we_have(tmp_path: Path) -> None:
    small = DATA[:1000]
    shop = Shop(DATA, cut=[300_000], tag=None)

    def change() -> None:
        if len(shop.asked) == 2:
            shop.data = small

    shop.before = change
    check(get(shop, tmp_path, small), small)
    assert shop.asked == [None, "bytes=300000-", None]


def test_a_range_that_nobody_asked_for(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[300_000], wrong_range="bytes 0-1/2")
    check(get(shop, tmp_path))
    assert shop.asked == [None, "bytes=300000-", None]


def test_other_bytes_are_nobodys(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"another sha256 than it should: .*, of 1000003 bytes") as caught:
        get(Shop(DATA[:-1] + b"x" if DATA[-1:] != b"x" else DATA[:-1] + b"y"), tmp_path)
    assert caught.value.path == "/source/sha256"
    assert visible(tmp_path) == drafts(tmp_path) == []


def test_a_truncated_one_without_a_length(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="another sha256"):
        get(Shop(DATA, has_length=False, cut=[5000]), tmp_path)
    assert visible(tmp_path) == drafts(tmp_path) == []


def test_one_without_a_length(tmp_path: Path) -> None:
    check(get(Shop(DATA, has_length=False), tmp_path))


def test_a_chunked_one(tmp_path: Path) -> None:
    check(get(Shop(DATA, is_chunked=True), tmp_path))


def test_a_chunked_one_that_breaks_off(tmp_path: Path) -> None:
    shop = Shop(DATA, is_chunked=True, cut=[400_000])
    check(get(shop, tmp_path))
    assert len(shop.asked) == 2


def test_more_than_it_announced_is_not_read(tmp_path: Path) -> None:
    """A client reads what was announced; the rest is none of the answer."""
    check(get(Shop(DATA, more=b"evil" * 10_000), tmp_path))


def test_more_than_is_known_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="has 1000003 bytes, and should have 5"):
        get(Shop(DATA), tmp_path, size=5)
    assert visible(tmp_path) == drafts(tmp_path) == []


def test_one_without_end(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="sends more than the 1000 bytes"):
        get(Shop(DATA, has_length=False), tmp_path, size=1000)
    assert visible(tmp_path) == drafts(tmp_path) == []


@pytest.mark.parametrize("length", ["-5", "1e9", "9" * 30, "5, 6", ""])
def test_a_hostile_length(tmp_path: Path, length: str) -> None:
    with pytest.raises((Permanent, Temporary)):
        get(Shop(DATA, length=length or " "), tmp_path)
    assert visible(tmp_path) == []


def test_a_length_that_no_disk_has(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="are allowed"):
        get(Shop(DATA, length="9" * 17), tmp_path)
    assert visible(tmp_path) == drafts(tmp_path) == []


def test_packed_although_nobody_asked(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="comes packed"):
        get(Shop(DATA, headers={"Content-Encoding": "gzip"}), tmp_path)


def test_a_server_that_falls_silent(tmp_path: Path) -> None:
    with serving(Shop(DATA, stall=1.0)) as url, pytest.raises(Temporary, match="timed out"):
        fetch(wanted(url), tmp_path, lambda *_: None, timeout=0.1, pause=0.01)


def test_a_server_that_is_away(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    with pytest.raises(Temporary, match="cannot be reached: Connection refused"):
        fetch(wanted(url), tmp_path, lambda *_: None, timeout=1, pause=0.01)


@pytest.mark.parametrize(("status", "error"), [(404, Permanent), (403, Permanent), (503, Temporary), (429, Temporary)])
def test_a_refusal(tmp_path: Path, status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"answers with status {status}"):
        get(Shop(DATA, status=[status]), tmp_path)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,evil", "gopher://x", "/etc/passwd"]
)
def test_nobody_is_led_out_of_http(tmp_path: Path, target: str) -> None:
    shop = Shop(DATA, status=[302] * 20, location=target)
    with pytest.raises(Permanent, match=r"leads on to|without end"):
        get(shop, tmp_path)
    assert visible(tmp_path) == drafts(tmp_path) == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x"])
def test_only_http_is_asked_at_all(tmp_path: Path, url: str) -> None:
    with pytest.raises((Permanent, Temporary), match=r"cannot be reached|unknown"):
        fetch(wanted(url), tmp_path, lambda *_: None, timeout=1, pause=0.01)


def test_a_redirect(tmp_path: Path) -> None:
    with serving(Shop(DATA)) as real:
        check(get(Shop(b"", status=[302], location=real), tmp_path))


def test_what_is_secret_in_an_address_is_not_shown(tmp_path: Path) -> None:
    told: list[str] = []
    with serving(Shop(DATA, status=[404])) as url, pytest.raises(Permanent) as caught:
        fetch(wanted(url + "?token=hunter2"), tmp_path, lambda *said: told.append(str(said)), timeout=1)
    assert "hunter2" not in f"{caught.value.message}{told}"


def test_nor_kept_beside_what_came(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[10, 1, 1, 1, 1])
    with serving(shop) as url, pytest.raises(Temporary):
        fetch(wanted(url + "?token=hunter2"), tmp_path, lambda *_: None, timeout=1, pause=0.01)
    assert all(b"hunter2" not in path.read_bytes() for path in tmp_path.iterdir())
    assert drafts(tmp_path)


def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    shop = Shop(DATA, stall=0.2)
    found: list[Path] = []
    with serving(shop) as url:

        def ask() -> None:
            found.append(fetch(wanted(url), tmp_path, lambda *_: None, timeout=5))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(shop.asked) == 1
    assert len(set(found)) == 1


def test_one_that_is_killed_goes_on(tmp_path: Path) -> None:
    """A process that dies in the middle leaves nothing that anybody could take for the file."""
    shop = Shop(DATA, cut=[600_000], more=b"")
    program = (
        "import sys\nfrom pathlib import Path\nfrom aivp_image.download import fetch\n"
        "from aivp_image.download_http import Wanted\n"
        "fetch(Wanted(sys.argv[1],'sha256',sys.argv[2]),Path(sys.argv[3]),lambda *a: print(*a,flush=True),pause=60)\n"
    )
    with serving(shop) as url:
        argv = [sys.executable, "-c", program, url, hashlib.sha256(DATA).hexdigest(), str(tmp_path)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for line in child.stdout:
            if "trying again" in line:
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert visible(tmp_path) == []
        check(fetch(wanted(url), tmp_path, lambda *_: None, timeout=2))
    assert shop.asked == [None, "bytes=600000-"]


def test_a_draft_that_somebody_changed_is_not_believed(tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[100_000, 1, 1, 1, 1])
    with serving(shop) as url:
        with pytest.raises(Temporary):
            fetch(wanted(url), tmp_path, lambda *_: None, timeout=2, pause=0.01)
        (draft,) = tmp_path.glob(".*.part")
        draft.write_bytes(bytes(len(draft.read_bytes())))
        check(fetch(wanted(url), tmp_path, lambda *_: None, timeout=2))


def test_a_draft_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"")
    with serving(Shop(DATA)) as url:
        asked = wanted(url)
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / f".{asked.name}.part").symlink_to(tmp_path / "outside")
        check(fetch(asked, tmp_path / "in", lambda *_: None, timeout=2))
    assert (tmp_path / "outside").read_bytes() == b""


def test_how_fast_it_is(tmp_path: Path) -> None:
    """A server on this machine should not be slowed down much by us."""
    data = bytes(64 << 20)
    begun = time.monotonic()
    check(get(Shop(data), tmp_path, data), data)
    assert time.monotonic() - begun < 20
