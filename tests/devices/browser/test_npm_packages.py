"""Packages of npm: pinned archives, and nothing else, become files of pages."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.common.errors import ZooError
from zoo.devices.browser import npm_packages
from zoo.devices.browser.npm_packages import NpmPackage, PackageRefused, fetch, packages, unpack

WANTED = NpmPackage(
    name="thing",
    version="1.0.0",
    integrity="",
    runtime="thing",
    files=("dist/index.js",),
    imports={"@other/thing": "../other/index.js"},
)


def archive(folder: Path, members: dict[str, bytes | str]) -> tuple[Path, str]:
    """An archive with files (bytes) and links (text), and its integrity as npm writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as writer:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                writer.addfile(member)
            else:
                member.size = len(content)
                writer.addfile(member, io.BytesIO(content))
    data = packed.getvalue()
    place = folder / "thing.tgz"
    place.write_bytes(data)
    return place, "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def test_only_the_named_files_are_written_and_bare_imports_become_paths(tmp_path):
    source = b'import { a } from "@other/thing";\nexport const b = "@other/thing";'
    place, integrity = archive(
        tmp_path,
        {
            "package/dist/index.js": source,
            "package/dist/other.js": b"other",
            "package/../../escape.js": b"escape",
            "/absolute.js": b"absolute",
        },
    )
    unpack(replace(WANTED, integrity=integrity), place, tmp_path / "out")
    written = [p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.*")]
    assert written == [Path("dist/index.js")]
    text = (tmp_path / "out/dist/index.js").read_text()
    assert text == source.decode().replace('from "@other/thing"', 'from "../other/index.js"')
    assert not (tmp_path / "escape.js").exists()


def test_another_archive_is_refused_before_it_is_opened(tmp_path):
    place, _ = archive(tmp_path, {"package/dist/index.js": b"evil"})
    _, pinned = archive(tmp_path, {"package/dist/index.js": b"good"})
    place, _ = archive(tmp_path, {"package/dist/index.js": b"evil"})
    with pytest.raises(PackageRefused, match="not the archive that was pinned"):
        unpack(replace(WANTED, integrity=pinned), place, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"package/dist/index.js": "/etc/passwd"}, "no plain file"),
        ({"package/README.md": b""}, "has no dist/index.js"),
    ],
)
def test_links_and_missing_files_are_refused(tmp_path, members, words):
    place, integrity = archive(tmp_path, members)
    with pytest.raises(PackageRefused, match=words):
        unpack(replace(WANTED, integrity=integrity), place, tmp_path / "out")


@pytest.fixture
def only_npm(tmp_path, monkeypatch):
    """An empty cache, and a PATH on which a stand-in of npm is alone; returns what writes it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()

    def write(script: str) -> None:
        npm = tmp_path / "bin" / "npm"
        npm.write_text(f"#!/bin/sh\n{script}\n")
        npm.chmod(0o755)

    return write


def test_without_npm_it_says_what_to_install(only_npm):
    with pytest.raises(ZooError, match="cannot be fetched") as caught:
        fetch(lambda _: None)
    assert "no npm on PATH" in str(caught.value)
    assert "apt-get install npm" in str(caught.value)


def test_offline_nothing_is_asked(only_npm, monkeypatch, tmp_path):
    only_npm(f": > {tmp_path}/asked")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(ZooError, match="cannot be fetched") as caught:
        fetch(lambda _: None)
    assert "ZOO_OFFLINE" in str(caught.value)
    assert not (tmp_path / "asked").exists()


def test_what_npm_says_of_a_network_is_told(only_npm):
    only_npm('echo "npm error code EAI_AGAIN" >&2; exit 1')
    with pytest.raises(ZooError) as caught:
        fetch(lambda _: None)
    assert "EAI_AGAIN" in str(caught.value)
    assert "check the network" in str(caught.value)


def test_an_archive_of_another_hash_leaves_nothing_behind(only_npm):
    only_npm("echo other > other.tgz")
    with pytest.raises(PackageRefused):
        fetch(lambda _: None)
    assert npm_packages.versions() == {}
    parent = npm_packages.runtime_folder("litert-js").parent
    assert not [p for p in parent.rglob("*") if p.is_file()]


def test_pins_are_whole_and_name_no_registry():
    text = npm_packages._PINS.read_text()
    assert "http" not in text
    assert "registry" not in text
    for package in packages():
        kind, digest = package.integrity.split("-", 1)
        assert kind == "sha512"
        assert len(base64.b64decode(digest)) == 64
        assert package.files
        assert not any(".." in name or name.startswith("/") for name in package.files)
