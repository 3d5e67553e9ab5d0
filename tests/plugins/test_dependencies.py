"""What travels with a Python provider: the closure of what it needs, pure Python only."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aivp_contract.manifest import Manifest

from aivp.diagnostics import Refused
from aivp.plugins.dependencies import dependencies
from aivp.plugins.registry import Provider

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay a distribution out as pip would: `files` beside its metadata, or linked to."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def lay(name: str, files: tuple[str, ...], *needs: str, link: str = "") -> Path:
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {item}" for item in needs),
        ]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        code = tmp_path / link
        for file in files:
            (code / file).parent.mkdir(parents=True, exist_ok=True)
            (code / file).write_text("raise RuntimeError\n")
        recorded = [f"{info.name}/METADATA", f"{info.name}/RECORD", *(() if link else files)]
        if link:
            (tmp_path / f"{name}.pth").write_text(f"{code}\n")
            recorded.append(f"{name}.pth")
        (info / "RECORD").write_text("".join(f"{item},,\n" for item in recorded))
        return code

    return lay


def provider(folder: Path | None = None) -> Provider:
    manifest = Manifest("acme", "1", {})
    return Provider("acme", manifest, "", {}, "aivp_acme", folder, "" if folder else "aivp-acme")


def paths(provider: Provider) -> list[str]:
    return [path for path, _ in dependencies(provider)]


def refused(provider: Provider) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        paths(provider)
    (found,) = caught.value.diagnostics
    return found.code, found.why


def test_the_closure_without_what_every_provider_has(install: Install) -> None:
    install("aivp-acme", ("aivp_acme/provider.py",), "aivp-sdk>=0.1", "Needed_One>=1")
    install("needed-one", ("needed/__init__.py", "needed/data.txt"), "two", "needed-one")
    install("two", ("space/two/x.py", "alone.py"), "needed-one")
    assert paths(provider()) == [
        "needed/__init__.py",
        "needed/data.txt",
        "needed_one-1.0.dist-info/METADATA",
        "alone.py",
        "space/two/x.py",
        "two-1.0.dist-info/METADATA",
    ]


def test_what_does_not_travel(install: Install) -> None:
    """Scripts, tests, bytecode, what the installer wrote down."""
    install("aivp-acme", ("aivp_acme/provider.py",), "needed")
    stays = ("../bin/tool", "needed/tests/test_x.py", "needed/__pycache__/x.pyc", "needed/x.pyi", "needed/.hidden")
    install("needed", ("needed/__init__.py", *stays))
    assert paths(provider()) == ["needed/__init__.py", "needed-1.0.dist-info/METADATA"]


def test_markers_are_those_of_hosts(install: Install) -> None:
    install(
        "aivp-acme",
        ("aivp_acme/provider.py",),
        'winkit; sys_platform == "win32"',
        'maker; extra == "dev"',
        'linuxkit; platform_system == "Linux"',
        'backport; python_version < "3.10"',
        'backport-of-backport; python_version < "3.10"',
    )
    install("linuxkit", ("linuxkit.py",))
    install("backport", ("backport.py",))
    assert sys.version_info >= (3, 10)
    assert [path for path in paths(provider()) if path.endswith(".py")] == ["backport.py", "linuxkit.py"]


def test_sources_that_are_linked_to(install: Install) -> None:
    install("aivp-acme", ("aivp_acme/provider.py",), "aivp-tool", link="elsewhere")
    install("aivp-tool", ("aivp_tool/__init__.py", "aivp_tool/tests/x.py", "setup.py"), link="elsewhere")
    assert paths(provider()) == ["aivp_tool/__init__.py"]


def test_a_folder_that_nobody_installed(install: Install, tmp_path: Path) -> None:
    folder = tmp_path / "sources/aivp_acme"
    folder.mkdir(parents=True)
    assert paths(provider(folder)) == []
    (tmp_path / "sources/pyproject.toml").write_text('[project]\nname = "aivp-acme"\ndependencies = ["needed"]\n')
    install("needed", ("needed.py",))
    assert paths(provider(folder)) == ["needed-1.0.dist-info/METADATA", "needed.py"]


def test_compiled_modules_are_refused(install: Install) -> None:
    install("aivp-acme", ("aivp_acme/provider.py",), "needed")
    install("needed", ("needed/__init__.py",), "Fast")
    install("fast", ("fast/_core.cpython-311-x86_64-linux-gnu.so", "fast/__init__.py"))
    code, why = refused(provider())
    assert code == "AIVP0640"
    assert why == (
        "The provider acme needs fast, which has the compiled module fast/_core.cpython-311-x86_64-linux-gnu.so."
    )


def test_what_is_not_installed_is_refused(install: Install) -> None:
    install("aivp-acme", ("aivp_acme/provider.py",), "needed==1")
    assert refused(provider()) == ("AIVP0641", "The provider acme needs needed, which is not installed beside aivp.")


def test_a_link_that_leads_to_no_package_is_refused(install: Install) -> None:
    install("aivp-acme", ("aivp_acme/provider.py",), "needed")
    install("needed", ("other/__init__.py",), link="elsewhere")
    assert refused(provider())[0] == "AIVP0641"
