"""Folders to a hub and back, by the hub's own client against a hub on this machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from bundles import made as bundle_of
from digit_files import registry
from hub_server import TOKEN, Hub

from zoo.artifacts.hub.pull import pull
from zoo.artifacts.hub.push import push
from zoo.artifacts.signing.check import check_signature
from zoo.artifacts.signing.keys import public_key
from zoo.artifacts.signing.sign import sign
from zoo.common.downloads import DownloadFailed, HashMismatch
from zoo.common.errors import BadFile, UsageError

pytestmark = pytest.mark.torch
NAME = "hf:ana/digits"


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_a_folder_comes_back_as_it_was(hub: Hub, folder: Path, tmp_path: Path) -> None:
    made = push(registry(), folder, NAME)
    assert set(made.left) == {".hidden", "records.json"}
    assert made.replaced == ()
    assert hub.repositories["ana/digits"]["README.md"].startswith(b"---\n")
    checked: list[str] = []
    came = pull(
        registry(), NAME, output=tmp_path / "back", check=lambda file: checked.append(file.name)
    )
    assert tuple(checked) == came.exported
    assert len(checked) == 3
    sent, got = contents(folder), contents(tmp_path / "back")
    assert {path: sent[path] for path in sent if path not in made.left} == {
        path: got[path] for path in got if path != "README.md"
    }
    assert list(tmp_path.glob(".*.part")) == []
    # Nothing is sent twice, not from the copy either.
    again = [push(registry(), one, NAME) for one in (folder, tmp_path / "back")]
    assert [one.commit for one in again] == ["", ""]
    assert len(hub.messages) == 1
    with pytest.raises(UsageError, match="is there already"):
        pull(registry(), NAME, output=tmp_path / "back")


def test_a_bundle_keeps_its_own_readme(hub: Hub, folder: Path, tmp_path: Path) -> None:
    (file,) = folder.glob("*.int8.tflite")
    bundle = bundle_of(file, output=tmp_path / "app").folder
    push(registry(), bundle, NAME)
    pull(registry(), NAME, output=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(bundle)


def test_what_nobody_could_pull_is_not_pushed(hub: Hub, folder: Path) -> None:
    (folder / "Recipe.toml").write_text("seed = 1\n")
    with pytest.raises(BadFile, match="cannot be uploaded") as caught:
        push(registry(), folder, NAME)
    assert "twice" in (caught.value.why or "")
    assert hub.repositories == {}


def test_what_is_there_is_replaced_only_when_asked(hub: Hub, folder: Path) -> None:
    push(registry(), folder, NAME)
    (folder / "recipe.toml").write_text("seed = 1\n")
    with pytest.raises(UsageError, match=r"other content: .*recipe\.toml") as caught:
        push(registry(), folder, NAME)
    assert "--replace" in (caught.value.fix or "")
    assert hub.repositories["ana/digits"]["recipe.toml"] == b"seed = 0\n"
    made = push(registry(), folder, NAME, replace=True)
    assert "recipe.toml" in made.replaced
    assert "replaced: recipe.toml" in hub.messages[-1]


def test_altered_files_are_never_kept(hub: Hub, folder: Path, tmp_path: Path) -> None:
    push(registry(), folder, NAME)
    there = hub.repositories["ana/digits"]
    (name,) = [path for path in there if path.endswith("int8.tflite")]
    there[name] = there[name].replace(b"TFL3", b"TFL9")
    with pytest.raises(HashMismatch, match="truncated or altered"):
        pull(registry(), NAME, output=tmp_path / "back")
    # The list altered with it: the manifest says so.
    listing = json.loads(there["zoo-files.json"])
    for one in listing["files"]:
        if one["stored"] == name:
            one["sha256"] = hashlib.sha256(there[name]).hexdigest()
    there["zoo-files.json"] = json.dumps(listing).encode()
    with pytest.raises(BadFile):
        pull(registry(), NAME, output=tmp_path / "back")
    listing["files"][0]["path"] = "../../outside"
    there["zoo-files.json"] = json.dumps(listing).encode()
    with pytest.raises(BadFile, match="leads out of its folder"):
        pull(registry(), NAME, output=tmp_path / "back")
    del there["zoo-files.json"]
    with pytest.raises(UsageError, match=r"has no zoo-files\.json"):
        pull(registry(), NAME, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()
    # What was loaded as the list says is kept for the next pull of that commit, and no more.
    (part,) = tmp_path.glob(".*.part")
    assert not (part / name).exists()
    assert there[name] not in {path.read_bytes() for path in part.rglob("*") if path.is_file()}


def test_an_interrupted_pull_goes_on(hub: Hub, folder: Path, tmp_path: Path) -> None:
    push(registry(), folder, NAME)
    whole = dict(hub.repositories["ana/digits"])
    hub.unreachable = sorted(whole)[-2]
    with pytest.raises(DownloadFailed):
        pull(registry(), NAME, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()
    hub.unreachable = ""
    hub.asked.clear()
    pull(registry(), NAME, output=tmp_path / "back")
    loaded = [line for line in hub.asked if line.startswith("GET") and "/resolve/" in line]
    assert len(loaded) < len(whole) - 1, "what was there was loaded again"


def test_a_pull_that_is_refused_half_way_goes_on(hub: Hub, folder: Path, tmp_path: Path) -> None:
    push(registry(), folder, NAME)
    whole = dict(hub.repositories["ana/digits"])
    (tmp_path / ".back.0123456789ab.part").mkdir()
    (tmp_path / ".back.mine.part").mkdir()
    hub.refused = sorted(whole)[-2]
    with pytest.raises(UsageError, match="may not be written or read by you"):
        pull(registry(), NAME, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()
    hub.refused = ""
    hub.asked.clear()
    pull(registry(), NAME, output=tmp_path / "back")
    loaded = [line for line in hub.asked if line.startswith("GET") and "/resolve/" in line]
    assert 0 < len(loaded) < len(whole) - 2, "what was there was loaded again"
    # What was begun of other commits goes, what only looks like it stays.
    assert [one.name for one in tmp_path.glob(".*.part")] == [".back.mine.part"]


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_commit_of_somebody_else_in_between_stays(hub: Hub, folder: Path, known: bool) -> None:
    if known:
        push(registry(), folder, NAME)
        (folder / "recipe.toml").write_text("seed = 2\n")
    theirs = {**hub.repositories.get("ana/digits", {}), "README.md": b"theirs"}
    hub.in_between = lambda: hub.repositories.__setitem__("ana/digits", dict(theirs))
    with pytest.raises(UsageError, match="was changed by somebody else meanwhile") as caught:
        push(registry(), folder, NAME, replace=True)
    assert "push again" in (caught.value.fix or "")
    assert hub.repositories["ana/digits"] == theirs
    # Seen, and replaced on request, it goes through.
    push(registry(), folder, NAME, replace=True)
    assert hub.repositories["ana/digits"]["README.md"] != b"theirs"


def test_a_signed_folder_keeps_its_signature(
    hub: Hub, folder: Path, tmp_path: Path, keys: Path
) -> None:
    (folder / ".hidden").unlink()
    sign(folder, key=keys / "key.pem")
    push(registry(), folder, NAME)
    back = pull(registry(), NAME, output=tmp_path / "back").folder
    assert contents(back) == contents(folder)
    signer = public_key(keys / "public.pem")
    assert check_signature(back, signer).covers
    with (back / "recipe.toml").open("a") as recipe:
        recipe.write("# altered\n")
    with pytest.raises(BadFile):
        check_signature(back, signer)


def test_a_hub_that_does_not_respond_is_told(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("http://127.0.0.1:1", "nonsense"):
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(DownloadFailed, match="could not be reached"):
            pull(registry(), NAME, output=tmp_path / "back")
        with pytest.raises(DownloadFailed, match="could not be reached"):
            push(registry(), folder, NAME)


def test_the_token_is_never_told(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(registry(), folder, NAME)
    assert TOKEN not in repr(push(registry(), folder, NAME))
    monkeypatch.setenv("HF_TOKEN", "hf_anotherwrongtoken")
    with pytest.raises(UsageError, match="may not be written or read") as caught:
        push(registry(), folder, NAME)
    assert "hf_" not in f"{caught.value} {caught.value.why} {caught.value.fix}"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(UsageError, match="is not there, or is private"):
        pull(registry(), "hf:ana/nothing")


def test_a_link_is_not_moved(hub: Hub, folder: Path) -> None:
    (folder / "link.txt").symlink_to("/etc/hostname")
    with pytest.raises(BadFile, match="is a link"):
        push(registry(), folder, NAME)
    assert hub.repositories == {}
