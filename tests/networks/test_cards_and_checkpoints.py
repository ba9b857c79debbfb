"""Cards of weights, and finding weights by name; TensorFlow stays away."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import architecture, fuzz, registry_with, variant

from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.progress import quiet
from zoo.networks.card import Accuracy, Card, read_card, write_card
from zoo.networks.catalogue import info, models
from zoo.networks.checkpoints import Checkpoint, made_here, model_ids, packaged, resolve
from zoo.networks.published.official import fetched_model

CARD = Card(
    variant="tiny8",
    tag="photos",
    dataset="folder:photos",
    dataset_hash="1" * 64,
    classes=("a", "b", "c"),
    licence="CC0-1.0",
    sha256="2" * 64,
)
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
SHARE = st.floats(0, 1)


@fuzz
@given(
    st.builds(
        Card,
        variant=st.text(min_size=1),
        tag=st.text(min_size=1),
        dataset=st.text(min_size=1),
        dataset_hash=st.text(min_size=1),
        classes=st.lists(st.text(), min_size=1, max_size=4).map(tuple),
        licence=st.text(min_size=1),
        sha256=st.text(min_size=1),
        hyperparameters=st.dictionaries(st.text(), PLAIN | SHARE, max_size=3),
        parent=st.text(max_size=3),
        accuracy=st.none()
        | st.builds(
            Accuracy, metric=st.text(), value=SHARE, low=SHARE, high=SHARE, count=st.integers(1, 99)
        ),
        versions=st.dictionaries(st.text(), st.text(), max_size=2),
    )
)
def test_card_round_trip(tmp_path, card):
    write_card(tmp_path / "a.toml", card)
    assert read_card(tmp_path / "a.toml") == card


def test_options_without_a_value_are_left_out(tmp_path):
    """TOML has no null."""
    card = replace(CARD, recipe={"seed": 1, "training": {"dropout": None, "epochs": 3}})
    write_card(tmp_path / "a.toml", card)
    assert read_card(tmp_path / "a.toml").recipe == {"seed": 1, "training": {"epochs": 3}}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('tag = "photos"', "tag = 3", "is wrong at 'tag'"),
        ('tag = "photos"\n', "", "is wrong at 'tag'"),
        ('tag = "photos"', 'tag = "photos"\ncolour = "red"', "is wrong at 'colour'"),
        ('tag = "photos"', 'tag = "photos"\n[accuracy]\nmetric = "x"', "is wrong at 'accuracy."),
        ('tag = "photos"', "tag = ", "cannot be read"),
        ('tag = "photos"', "tag = " + "[" * 5000, "cannot be read"),
        ('tag = "photos"', "tag = " + "9" * 5000, "cannot be read"),
        ('tag = "photos"', 'tag = "\udcff"', "cannot be read"),
        ('tag = "photos"', '{"tag": "photos"', "cannot be read"),
    ],
    ids=[
        "type",
        "missing",
        "unknown key",
        "accuracy",
        "not TOML",
        "depth",
        "digits",
        "bytes",
        "JSON",
    ],
)
def test_wrong_card(tmp_path, old, new, problem):
    path = tmp_path / "a.toml"
    write_card(path, CARD)
    assert old in path.read_text()
    # A table must come last in TOML.
    lines = path.read_text().replace(old, "").strip() + "\n" + new + "\n"
    path.write_text(lines, errors="surrogateescape")
    with pytest.raises(BadFile, match=problem) as caught:
        read_card(path)
    assert str(path) in caught.value.what
    assert "restore it" in str(caught.value.fix)


@fuzz
@given(st.binary(max_size=60))
def test_any_bytes_are_a_card_or_a_bad_file(tmp_path, data):
    (tmp_path / "a.toml").write_bytes(data)
    with pytest.raises(BadFile):
        read_card(tmp_path / "a.toml")


def test_missing_card(tmp_path):
    with pytest.raises(BadFile, match="the weights have no card") as caught:
        read_card(tmp_path / "a.toml")
    assert caught.value.fix == "keep the .toml beside the .safetensors"


def test_model_id():
    assert CARD.model_id == "tiny8.photos"
    found = Checkpoint(
        architecture=architecture(), variant=variant(), path=Path("w/tiny8.a.b.safetensors")
    )
    assert found.model_id == "tiny8.a.b"
    assert found.card_path == Path("w/tiny8.a.b.toml")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of two variants, one of which begins with the other's name."""
    for name in ("tiny8.photos", "tiny8.digits", "tiny88.photos"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"not read here")
        variant_name, _, tag = name.partition(".")
        write_card(tmp_path / f"{name}.toml", replace(CARD, variant=variant_name, tag=tag))
    return tmp_path


@pytest.fixture
def registry(weights):
    family = architecture(
        weights=weights,
        variants=(variant(), variant(name="tiny88"), variant(name="tiny0")),
    )
    other = architecture(name="other", variants=(variant(name="other1"),))
    return registry_with("zoo_architectures", family, other)


def test_tags_of_a_variant(registry, weights):
    family = registry.architectures.get("tiny")
    assert packaged(family, family.variant("tiny8")) == {
        "digits": weights / "tiny8.digits.safetensors",
        "photos": weights / "tiny8.photos.safetensors",
    }
    assert packaged(family, family.variant("tiny0")) == {}
    assert packaged(replace(family, weights=weights / "gone"), family.variant("tiny8")) == {}
    assert packaged(replace(family, weights=None), family.variant("tiny8")) == {}


def test_resolve(registry, weights):
    assert resolve(registry, "tiny8")[2].model_id == "tiny8.digits"
    assert resolve(registry, "tiny8.photos")[2].path == weights / "tiny8.photos.safetensors"
    assert resolve(registry, "tiny88.photos")[2].card().variant == "tiny88"
    assert resolve(registry, "tiny0")[2] is None
    assert resolve(registry, "other")[1].name == "other1"


def test_resolve_a_path(registry, weights):
    path = weights / "tiny8.photos.safetensors"
    family, member, checkpoint = resolve(registry, str(path))
    assert (family.name, member.name, checkpoint.path) == ("tiny", "tiny8", path)


@pytest.mark.parametrize(
    ("model", "what", "nearest"),
    [
        ("tinny8", "unknown model 'tinny8'", "tiny8"),
        ("tiny8.photo", "unknown weights of tiny8 'photo'", "photos"),
        ("tinny8.photos", "unknown model 'tinny8.photos'", "tiny8.photos"),
        ("tiny8.photos.", "unknown weights of tiny8 'photos.'", "photos"),
    ],
)
def test_unknown_names_offer_the_nearest(registry, model, what, nearest):
    with pytest.raises(UnknownName) as caught:
        resolve(registry, model)
    assert caught.value.what == what
    assert caught.value.suggestions[0] == nearest


def test_tag_of_a_variant_without_weights(registry):
    with pytest.raises(UnknownName, match="it has no weights yet"):
        resolve(registry, "tiny0.photos")


def test_path_without_file_or_card(registry, weights):
    with pytest.raises(UsageError, match="there are no weights"):
        resolve(registry, str(weights / "gone.safetensors"))
    (weights / "tiny8.photos.toml").unlink()
    with pytest.raises(BadFile, match="have no card"):
        resolve(registry, str(weights / "tiny8.photos.safetensors"))


def test_path_of_a_network_that_nothing_provides(registry, weights):
    path = weights / "tiny8.photos.toml"
    write_card(path, replace(CARD, variant="huge9"))
    with pytest.raises(BadFile, match="variant 'huge9', which nothing provides"):
        resolve(registry, str(path.with_suffix(".safetensors")))


@pytest.mark.parametrize("ending", ["", ".safetensors", ".tflite"])
def test_a_name_too_long_for_a_file_is_unknown(registry, ending):
    with pytest.raises(UsageError, match=r"unknown model|there are no weights"):
        resolve(registry, "x" * 300 + ending)


@fuzz
@given(st.text())
def test_any_name_is_resolved_or_unknown(model):
    registry = registry_with("zoo_architectures", architecture())
    with pytest.raises(UsageError):
        resolve(registry, "x" + model)


def test_model_ids(registry):
    assert list(model_ids(registry)) == [
        *("other1", "tiny0", "tiny8", "tiny8.digits", "tiny8.photos", "tiny88", "tiny88.photos")
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["other1", "tiny0", "tiny8", "tiny88"]),
        ("tiny8*", ["tiny8", "tiny88"]),
        ("tiny?", ["tiny0", "tiny8"]),
        ("tiny", ["tiny0", "tiny8", "tiny88"]),
        ("*.digits", ["tiny8"]),
        ("tiny[!0]*", ["tiny8", "tiny88"]),
        ("nothing*", []),
        ("TINY8", []),
    ],
)
def test_wildcards(registry, pattern, names):
    assert [row.name for row in models(registry, pattern)] == names


def test_info_shows_the_cards(registry):
    found = info(registry, "tiny8")
    assert found["weights"] == ("digits", "photos")
    assert found["cards"]["tiny8.photos"]["classes"] == ("a", "b", "c")
    assert found["preprocessing"]["height"] == 8
    assert found["plugin"]["distribution"] == "d"


@pytest.fixture
def runs(tmp_path, monkeypatch, own_home) -> Path:
    """A folder where three runs have made weights of tiny8, the last one in ``runs``."""
    monkeypatch.chdir(tmp_path)
    for age, folder in enumerate(("runs/tiny8.mine-1a2b3c4d", "weights", "runs/tiny8.mine-2b")):
        Path(folder).mkdir(parents=True)
        write_card(Path(f"{folder}/tiny8.mine.toml"), replace(CARD, tag="mine"))
        weights = Path(f"{folder}/tiny8.mine.safetensors")
        weights.touch()
        os.utime(weights, (age, age))
    return tmp_path


def test_a_model_id_that_a_run_has_made_means_its_newest_weights(registry, runs):
    notes = []
    found = fetched_model(registry, "tiny8.mine", lambda step, event: notes.append(event["text"]))
    assert found == "runs/tiny8.mine-2b/tiny8.mine.safetensors"
    assert notes == [f"the weights are {found}"]
    assert list(info(registry, "tiny8.mine")["cards"]) == ["tiny8.mine"]
    weights = Path("weights/tiny8.mine.safetensors")
    card = Path("runs/tiny8.mine-2b/tiny8.mine.toml")
    write_card(card, replace(CARD, tag="other"))  # of another model
    assert made_here(registry, "tiny8.mine") == weights
    card.write_text("tag = ")
    assert made_here(registry, "tiny8.mine") == weights
    card.unlink()  # half a checkpoint is none
    assert made_here(registry, "tiny8.mine") == weights


@pytest.mark.parametrize(
    "model",
    [
        *("tiny8", "tiny8.photos", "tiny8.other", "nothing.mine", "tiny8.", "../runs/tiny8.mine"),
        *("tiny8.*", "tiny8.mine.safetensors", "tiny8.mine/../../x"),
    ],
)
def test_other_names_mean_what_they_did(registry, runs, model):
    for tag in ("photos", "other.safetensors/x", "[mine]"):
        Path(f"weights/tiny8.{tag}.safetensors").parent.mkdir(parents=True, exist_ok=True)
        Path(f"weights/tiny8.{tag}.safetensors").touch()
        Path(f"weights/tiny8.{tag}.toml").touch()
    assert made_here(registry, model) is None
    assert fetched_model(registry, model, quiet) == model
