"""Inputs that move: another machine opens the same data under the asker's names and keys."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from annotated import pictures_in
from job_plans import REGISTRY
from PIL import Image

from zoo.common.errors import BadData, BadFile, ZooError
from zoo.common.files import sha256_of
from zoo.data.opening import dataset_fingerprint, open_dataset, tasks_of
from zoo.pipeline.content_store import known_hashes
from zoo.pipeline.content_store.inputs import (
    SentInput,
    fetch_inputs,
    send_data,
    send_inputs,
    send_model,
)
from zoo.pipeline.content_store.store import ContentStore, content_name, open_store
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.registry import PluginSettings, Registry, load_registry


@pytest.fixture
def store(tmp_path) -> ContentStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def asker(tmp_path, monkeypatch) -> Path:
    """Its folder: pictures in two classes, a table of numbers."""
    folder = tmp_path / "asker"
    for number in range(20):
        for label, hue in (("cat", 20), ("dog", 200)):
            path = folder / "photos" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (hue, number * 9, 40)).save(path)
    shutil.copy(folder / "photos/cat/0.png", folder / "photos/cat/copy.png")
    rows = [f"{i % 7},{i * 3 % 11},{'walk' if i // 5 % 2 else 'run'}" for i in range(200)]
    (folder / "sensors.csv").write_text("\n".join(["x,y,label", *rows]) + "\n")
    monkeypatch.chdir(folder)
    return folder


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On another machine: other home, other folder, none of the asker's files."""
    (tmp_path / "asker").rename(tmp_path / "gone")
    (tmp_path / "worker").mkdir()
    monkeypatch.chdir(tmp_path / "worker")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "worker" / "home"))


def arrived(store: ContentStore, sent: list[SentInput]) -> Registry:
    """As a worker does: by way of plain values."""
    plain = json.loads(json.dumps([asdict(one) for one in sent]))
    moved = fetch_inputs(store, [SentInput(**one) for one in plain])
    return load_registry(PluginSettings(installed=False, moved=moved))


@pytest.mark.parametrize(
    "data",
    ["folder:photos?task=image-classification", "csv:sensors.csv?window=5", "folder:photos?"],
)
def test_data_of_another_machine_are_the_same_data(store, asker, tmp_path, monkeypatch, data):
    here = open_dataset(REGISTRY, data)
    first = here.splits["train"].read(0).tolist()
    told = dataset_fingerprint(REGISTRY, data), tasks_of(REGISTRY, data)
    sent = send_data(store, REGISTRY, data)
    elsewhere(monkeypatch, tmp_path)
    with pytest.raises(ZooError):
        open_dataset(REGISTRY, data)
    registry = arrived(store, [sent])
    there = open_dataset(registry, data)
    assert (there.name, there.content_hash) == (here.name, here.content_hash)
    assert there.source == here.source
    assert (dataset_fingerprint(registry, data), tasks_of(registry, data)) == told
    assert there.splits["train"].read(0).tolist() == first


def test_absolute_paths_move_too(store, asker, tmp_path, monkeypatch):
    data = f"csv:{asker}/sensors.csv?window=5"
    content = open_dataset(REGISTRY, data).content_hash
    sent = send_data(store, REGISTRY, data)
    elsewhere(monkeypatch, tmp_path)
    assert open_dataset(arrived(store, [sent]), data).content_hash == content


def test_pictures_beside_a_file_of_annotations_move_with_it(store, asker, tmp_path, monkeypatch):
    folder = asker / "scenes"
    pictures_in(folder / "images")
    boxes = [
        {"id": i + 1, "image_id": i, "category_id": 1, "bbox": [1, 1, 5, 5]} for i in range(12)
    ]
    names = sorted(path.name for path in (folder / "images").iterdir())
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    (folder / "annotations").mkdir()
    (folder / "annotations" / "all.json").write_text(
        json.dumps(
            {
                "images": images,
                "annotations": boxes[: len(images)],
                "categories": [{"id": 1, "name": "cat"}],
            }
        )
    )
    data = "coco:scenes/annotations/all.json"
    content = open_dataset(REGISTRY, data).content_hash
    sent = send_data(store, REGISTRY, data)
    assert (sent.folder, sent.path) == ("scenes", "annotations/all.json")
    elsewhere(monkeypatch, tmp_path)
    assert open_dataset(arrived(store, [sent]), data).content_hash == content


def test_equal_files_move_once(store, asker):
    send_data(store, REGISTRY, "folder:photos")
    blobs = [path for path in (store.place.folder / "files").rglob("*") if path.is_file()]
    assert len(blobs) == 40  # of 41 pictures


def test_nothing_moves_that_every_machine_has(store):
    assert send_data(store, REGISTRY, "digits") is None
    assert send_data(store, REGISTRY, "fashion_scenes?size=64") is None
    assert send_model(store, REGISTRY, "lenet5") is None
    assert not store.place.folder.exists()


def test_a_folder_named_as_a_set_is_not_taken_for_it(store, asker):
    (asker / "mnist").mkdir()
    assert REGISTRY.datasets.get("keras").arguments
    assert REGISTRY.datasets.get("keras").root is None
    assert not (REGISTRY.datasets.get("keras").argument or "").startswith("PATH")


def test_keys_are_the_asker_s(store, asker, tmp_path, monkeypatch):
    """Data, weights by a path, and a plan whose steps others can do."""
    source = REGISTRY.variant("lenet5")[0].weights / "lenet5.fashion_mnist"
    for suffix in (".safetensors", ".toml"):
        shutil.copy(f"{source}{suffix}", asker / f"lenet5.mine{suffix}")
    card = asker / "lenet5.mine.toml"
    card.write_text(card.read_text().replace('tag = "fashion_mnist"', 'tag = "mine"'))
    given = {
        "model": "lenet5.mine.safetensors",
        "data": "folder:photos",
        "format": ("tflite",),
        "epochs": 1,
    }
    job = make_job(recipe_from(**given), REGISTRY)
    keys = [step.key for step in make_plan(job, Path("c"), PlanScope())]
    sent = send_inputs(store, job)
    assert [one.kind for one in sent] == ["data", "weights"]
    elsewhere(monkeypatch, tmp_path)
    registry = arrived(store, list(sent))
    there = make_job(recipe_from(**given), registry)
    assert there.checkpoint.path.is_relative_to(tmp_path / "worker")
    assert [step.key for step in make_plan(there, Path("d"), PlanScope())] == keys


def test_a_copy_that_changed_has_another_fingerprint_and_is_brought_anew(
    store, asker, tmp_path, monkeypatch
):
    data = "csv:sensors.csv?window=5"
    told = dataset_fingerprint(REGISTRY, data)
    sent = send_data(store, REGISTRY, data)
    elsewhere(monkeypatch, tmp_path)
    registry = arrived(store, [sent])
    (moved,) = registry.settings.moved
    file = Path(moved.folder) / "sensors.csv"
    text = file.read_text()
    file.write_text(text.replace("walk", "swim", 1))
    assert dataset_fingerprint(registry, data) != told
    (moved,) = fetch_inputs(store, [sent])
    assert file.read_text() == text
    registry.settings = replace(registry.settings, moved=(moved,))
    assert dataset_fingerprint(registry, data) == told
    (file.parent / "more.csv").write_text("x\n")
    fetch_inputs(store, [sent])
    assert not (file.parent / "more.csv").exists()


def test_what_is_here_is_not_fetched_again(store, asker, tmp_path, monkeypatch):
    sent = send_data(store, REGISTRY, "folder:photos")
    elsewhere(monkeypatch, tmp_path)
    first = fetch_inputs(store, [sent])
    shutil.rmtree(store.place.folder)
    assert fetch_inputs(store, [sent]) == first


def test_data_that_change_while_they_are_sent_are_refused(store, asker, monkeypatch):
    def change(*arguments: object) -> None:
        (asker / "sensors.csv").write_text("x,y,label\n1,2,a\n")

    monkeypatch.setattr(store.place.__class__, "send", change)
    with pytest.raises(BadData, match="changed while it was sent"):
        send_data(store, REGISTRY, "csv:sensors.csv?window=5")


@pytest.mark.parametrize(
    "changes", [{"folder": ".."}, {"folder": "a/b"}, {"folder": "/tmp"}, {"path": "../../x"}]
)
def test_places_outside_the_folder_are_refused(store, asker, changes):
    sent = send_data(store, REGISTRY, "csv:sensors.csv?window=5")
    with pytest.raises(BadFile, match="outside its folder"):
        fetch_inputs(store, [replace(sent, **changes)])


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        ('{"files": {"../out.csv": {"bytes": 1, "sha256": "%s"}}}' % ("a" * 64), "outside"),
        ('{"files": ["a"]}', "damaged"),
        ("{}", "damaged"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_listings_of_strangers_are_refused(store, asker, tmp_path, listing, why):
    sent = send_data(store, REGISTRY, "csv:sensors.csv?window=5")
    name = content_name(listing)
    (store.place.folder / f"inputs/{name}.json").write_text(listing)
    with pytest.raises(BadFile, match=why):
        fetch_inputs(store, [replace(sent, listing=name)])
    assert not list(tmp_path.rglob("out.csv"))
    with pytest.raises(BadFile, match="is no SHA-256"):
        fetch_inputs(store, [replace(sent, listing="../x")])


def test_a_missing_file_of_the_store_is_sent_anew(store, asker, tmp_path):
    sent = send_data(store, REGISTRY, "folder:photos")
    next(p for p in (store.place.folder / "files").rglob("*") if p.is_file()).unlink()
    with pytest.raises(BadFile, match="is missing"):
        fetch_inputs(store, [sent])
    assert send_data(store, REGISTRY, "folder:photos") == sent
    assert fetch_inputs(store, [sent])


def test_names_that_belong_to_other_data_are_left_alone(store, asker, tmp_path, monkeypatch):
    sent = send_data(store, REGISTRY, "folder:photos")
    (moved,) = fetch_inputs(store, [sent])
    assert moved.here("folder:photos2") is None
    assert moved.here("wav:photos") is None
    assert moved.here("folder:photos?test=0.2").endswith("photos?test=0.2")


ODD = ["a b.csv", "ü ñ 漢.csv", "new\nline.csv", "back\\slash.csv", "x" * 251 + ".csv", "$(x);.csv"]


def test_files_of_any_name_move(store, asker, tmp_path, monkeypatch):
    """Also one that is no text, as old archives have them."""
    folder = asker / "odd"
    folder.mkdir()
    for name in [*ODD, os.fsdecode(b"caf\xe9.csv")]:
        shutil.copy(asker / "sensors.csv", folder / name)
    sent = send_data(store, REGISTRY, "csv:odd?window=5")
    (moved,) = fetch_inputs(store, [sent])
    arrived_names = {os.fsencode(path.name) for path in Path(moved.folder).iterdir()}
    assert arrived_names == {os.fsencode(path.name) for path in folder.iterdir()}


def test_a_name_that_no_worker_would_take_is_refused_before_anything_is_sent(store, asker):
    folder = asker / "odd"
    folder.mkdir()
    shutil.copy(asker / "sensors.csv", folder / "x\\..\\..\\y.csv")
    with pytest.raises(BadData, match="cannot be sent to workers") as caught:
        send_data(store, REGISTRY, "csv:odd?window=5")
    assert caught.value.fix == "rename it"
    assert not store.place.folder.exists()


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "a/b"], "'a' is a file and a folder"),
        (["a/b", "a"], "'a' is a file and a folder"),
        (["\ud800"], "outside its folder, or none"),
        (["x" * 256], "outside its folder, or none"),
        (["C:\\..\\x"], "outside its folder, or none"),
        (["\\\\host\\share"], "outside its folder, or none"),
    ],
)
def test_listings_that_no_folder_can_hold_are_damaged(store, asker, tmp_path, names, why):
    sent = send_data(store, REGISTRY, "csv:sensors.csv?window=5")
    listing = json.dumps({"files": {name: {"bytes": 1, "sha256": "a" * 64} for name in names}})
    name = content_name(listing)
    store.write_record(f"inputs/{name}.json", listing)
    with pytest.raises(BadFile, match="damaged") as caught:
        fetch_inputs(store, [replace(sent, listing=name)])
    assert why in str(caught.value)
    assert not list(tmp_path.rglob(".part-*"))


def test_files_that_were_sent_are_not_read_again(store, asker, monkeypatch):
    """Those that changed are, also in place and with their old time."""
    data, read = "folder:photos", []
    for path in (asker / "photos").rglob("*.png"):
        os.utime(path)
    monkeypatch.setattr(known_hashes, "_FRESH", -1.0)
    monkeypatch.setattr(known_hashes, "sha256_of", lambda p: read.append(p.name) or sha256_of(p))
    first = send_data(store, REGISTRY, data)
    assert len(read) == 41, "each once"
    read.clear()
    assert send_data(store, REGISTRY, data) == first
    assert read == []
    changed = asker / "photos" / "cat" / "3.png"
    before = changed.stat()
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert send_data(store, REGISTRY, data).listing != first.listing
    assert read[0] == "3.png"
    assert len(read) == 41, "a listing that the store lacks is made from what is there"
    for kept in (known_hashes.cache_folder() / "inputs" / "sent").iterdir():
        kept.write_text("[1, 2")
    assert send_data(store, REGISTRY, data).listing != first.listing


def test_a_hash_of_a_file_that_changed_just_now_is_not_kept(store, asker, monkeypatch):
    """Clocks of file systems are coarse: a second change may leave its times as they are."""
    read = []
    monkeypatch.setattr(known_hashes, "_FRESH", 3600.0)
    monkeypatch.setattr(known_hashes, "sha256_of", lambda p: read.append(p.name) or sha256_of(p))
    for _ in range(2):
        send_data(store, REGISTRY, "csv:sensors.csv?window=5")
    assert read == ["sensors.csv"] * 3
