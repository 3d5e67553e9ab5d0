"""Layers as the specification wants them applied: whiteouts, opaque folders, links, replacements, attributes."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import pytest

from tests.providers.image.oci.layouts import (
    GZIP,
    PLAIN,
    ZSTD,
    archived,
    entry,
    extended,
    folder,
    hard,
    image,
    layer,
    python_tar,
    symlink,
)
from tests.providers.image.oci.trees import made, of_tree, tree_of


def names(place: Path, *layers: bytes) -> list[str]:
    return [name.decode() for name in made(place, layers)]


def test_a_later_layer_wins(tmp_path: Path) -> None:
    found = made(tmp_path, [layer(entry("a", b"one", mode=0o600)), layer(entry("a", b"two", mode=0o640))])
    assert found[b"a"]["mode"] == 0o640
    assert len(list((tmp_path / "pool").iterdir())) == 1  # nobody keeps what nobody can see


def test_a_whiteout_takes_away(tmp_path: Path) -> None:
    first = layer(folder("d"), entry("d/a", b"x"), entry("d/b", b"x"), folder("e/f"), entry("e/f/g"))
    assert names(tmp_path, first, layer(entry("d/.wh.a"), entry(".wh.e"))) == ["d", "d/b"]


def test_a_whiteout_of_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert names(tmp_path, layer(entry("a")), layer(entry("x/.wh.y"), entry(".wh.z"))) == ["a"]


@pytest.mark.parametrize("is_first", [True, False])
def test_an_opaque_folder_keeps_what_its_own_layer_brings(tmp_path: Path, *, is_first: bool) -> None:
    old = layer(folder("d"), entry("d/old"), folder("d/s"), entry("d/s/old"), entry("d/s/deep/old"))
    new = [entry("d/new"), folder("d/s"), entry("d/s/new")]
    opaque = entry("d/.wh..wh..opq")
    second = layer(folder("d"), *((opaque, *new) if is_first else (*new, opaque)))
    assert names(tmp_path, old, second) == ["d", "d/new", "d/s", "d/s/new"]


def test_an_opaque_folder_keeps_a_new_name_of_an_old_file(tmp_path: Path) -> None:
    found = names(tmp_path, layer(entry("a", b"x"), entry("d/old")), layer(hard("d/b", "a"), entry("d/.wh..wh..opq")))
    assert found == ["a", "d", "d/b"]


def test_a_folder_keeps_what_is_in_it_when_it_comes_again(tmp_path: Path) -> None:
    found = made(tmp_path, [layer(folder("d"), entry("d/a")), layer(folder("d", mode=0o700, uid=5), entry("d/b"))])
    assert list(found) == [b"d", b"d/a", b"d/b"]
    assert (found[b"d"]["mode"], found[b"d"]["uid"]) == (0o700, 5)


def test_things_take_each_others_place(tmp_path: Path) -> None:
    first = layer(folder("a"), entry("a/x"), entry("b"), symlink("c", "b"), symlink("d", "b"))
    found = made(tmp_path, [first, layer(entry("a"), folder("b"), folder("c"), entry("c/y"), entry("d"))])
    assert {name.decode(): item["kind"] for name, item in found.items()} == {
        "a": "file",
        "b": "directory",
        "c": "directory",
        "c/y": "file",
        "d": "file",
    }


def test_hard_links_are_one_file_across_layers(tmp_path: Path) -> None:
    found = made(tmp_path, [layer(entry("a", b"x"), hard("b", "a")), layer(hard("d/c", "./b"), entry(".wh.a"))])
    assert {name: item.get("same as") for name, item in found.items()} == {b"b": b"b", b"d": None, b"d/c": b"b"}


def test_a_hard_link_to_a_symlink_is_that_link(tmp_path: Path) -> None:
    found = made(tmp_path, [layer(symlink("a", "/etc/passwd"), hard("b", "a"))])
    assert found[b"b"]["link"] == b"/etc/passwd"


def test_links_on_the_way_lead_where_they_lead_inside(tmp_path: Path) -> None:
    first = layer(folder("usr/lib"), symlink("lib", "usr/lib"), symlink("usr/abs", "/usr/lib"), symlink("up", "usr/.."))
    second = layer(entry("lib/a", b"a"), entry("usr/abs/b", b"b"), entry("up/c", b"c"), hard("d", "lib/a"))
    found = made(tmp_path, [first, second])
    assert [name for name in found if name.rpartition(b"/")[2] in b"abcd"] == [b"c", b"d", b"usr/lib/a", b"usr/lib/b"]
    assert found[b"usr/lib/a"]["same as"] == b"d"
    assert found[b"lib"]["kind"] == "symlink"


def test_absolute_symlinks_stay_as_they_are(tmp_path: Path) -> None:
    found = made(tmp_path, [layer(symlink("a", "/etc/alternatives/a"), symlink("b", "../../../x"))])
    assert [item["link"] for item in found.values()] == [b"/etc/alternatives/a", b"../../../x"]


def test_names_of_any_bytes_and_length(tmp_path: Path) -> None:
    long = "/".join(["long" * 20] * 10)
    found = made(tmp_path, [layer(entry(b"caf\xe9\n", b"x"), entry("日本", b"y"), entry(long, b"z"))])
    assert {b"caf\xe9\n", "日本".encode(), long.encode()} < set(found)


def test_permissions_owners_and_attributes(tmp_path: Path) -> None:
    capability = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)
    entries = [
        entry("su", b"x", mode=0o4755, uid=0, gid=12),
        entry("ping", b"x", uid=3_000_000_000, pax={"SCHILY.xattr.security.capability": capability, "mtime": "5.25"}),
        entry("odd", b"x", pax={"SCHILY.xattr.trusted.overlay.opaque": b"y", "SCHILY.xattr.user.a": b"\0\xff"}),
        folder("tmp", mode=0o1777),
        entry("pipe", kind=b"6", mode=0o600),
        entry("dev/null", kind=b"3", major=1, minor=3),
    ]
    place = tmp_path
    tree = tree_of(image(place / "layout", [layer(*entries)]), place / "pool")
    found = of_tree(tree, place / "pool")
    assert found[b"su"]["mode"] == stat.S_ISUID | 0o755
    assert found[b"ping"]["xattrs"] == {b"security.capability": capability}
    assert (found[b"ping"]["uid"], found[b"ping"]["mtime"]) == (3_000_000_000, 5)
    assert found[b"odd"]["xattrs"] == {b"user.a": b"\0\xff"}
    assert found[b"tmp"]["mode"] == 0o1777
    assert found[b"pipe"]["kind"] == "fifo"
    assert b"dev/null" not in found
    assert sorted(tree.left_out.values()) == [1, 1]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (place / "pool").iterdir())


def test_gnu_names_and_global_comments(tmp_path: Path) -> None:
    info = tarfile.TarInfo("n" * 90 + "/" + "m" * 120)
    info.size = 3
    out = extended({"comment": b"of git"}, b"g")
    name = (b"g" * 150) + b"\0"
    from tests.providers.image.oci.layouts import header

    long = header(b"././@LongLink", b"L", size=len(name)) + name.ljust(512, b"\0") + entry("short", b"abc")
    found = made(tmp_path, [out + long + python_tar((info, b"abc"))])
    assert set(found) == {b"g" * 150, b"n" * 90, b"n" * 90 + b"/" + b"m" * 120}


@pytest.mark.parametrize("media_type", [PLAIN, GZIP, ZSTD])
def test_every_packing_gives_the_same(tmp_path: Path, media_type: str) -> None:
    data = layer(*(entry(f"f{number}", bytes([number]) * number * 997) for number in range(200)))
    found = made(tmp_path, [data], media_type=media_type)
    assert len(found) == 200


def test_gzip_in_many_members(tmp_path: Path) -> None:
    import gzip

    data = layer(*(entry(f"f{number}", bytes([number]) * 5000) for number in range(50)))
    parts = [data[start : start + 7777] for start in range(0, len(data), 7777)]
    layout = image(tmp_path / "layout", [data], pack=lambda _: b"".join(gzip.compress(part) for part in parts))
    assert len(of_tree(tree_of(layout, tmp_path / "pool"), tmp_path / "pool")) == 50


def test_an_archive_of_a_layout(tmp_path: Path) -> None:
    archive = archived(image(tmp_path / "layout", [layer(entry("a", b"x"))]))
    assert list(of_tree(tree_of(archive, tmp_path / "pool"), tmp_path / "pool")) == [b"a"]


def test_no_layer_at_all(tmp_path: Path) -> None:
    assert made(tmp_path, []) == {}
