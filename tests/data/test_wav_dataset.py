"""Folders of sounds."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from sound_folders import FLOAT, tone, tone_folder, wav

from zoo.common.errors import BadData, UsageError, ZooError
from zoo.contracts import SoundPreprocessing
from zoo.data.preprocessing.inputs import fitted, read_inputs
from zoo.data.samples.sounds import sound_samples
from zoo.data.wav import fingerprint, open_wav

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return tone_folder(tmp_path / "words")


def voices_of(names: object) -> set[str]:
    return {re.sub(r".*/|_nohash.*", "", str(name)) for name in list(names)}  # type: ignore[call-overload]


def test_voices_are_held_out_where_names_say_whose_they_are(words: Path) -> None:
    data = open_wav(str(words))
    assert (data.classes, data.rate) == (("high", "low", "mid"), 16_000)
    assert sum(map(len, data.splits.values())) == 48
    voices = [voices_of(split.names) for split in data.splits.values()]
    assert sum(map(len, voices)) == len(set.union(*voices)) == 8
    assert any("grouped by speaker" in note for note in data.notes)
    first = data.splits["train"].read(0)
    assert (first.dtype, first.shape) == (np.float32, (16_000,))


def test_voices_are_held_out_beside_sounds_of_none(words: Path) -> None:
    (words / "hum").mkdir()
    for number in range(6):
        noise = wav(tone(50, seconds=1.5, seed=number))
        (words / "hum" / f"noise {number}.wav").write_bytes(noise)
    (words / "low" / "v0_nohash_0.wav").rename(words / "low" / "v0_nohash_0 (loud).WAV")
    data = open_wav(str(words))
    voices = [
        voices_of(name for name in split.names if "_nohash_" in name)
        for split in data.splits.values()
    ]
    assert sum(map(len, voices)) == len(set.union(*voices)) == 8
    assert any("6 in no group, each by itself: hum" in note for note in data.notes)


def test_one_voice_is_told_how_to_be_divided(tmp_path: Path) -> None:
    alone = tone_folder(tmp_path / "mine", voices=1, takes=5)
    with pytest.raises(BadData, match="the groups cannot be divided") as caught:
        open_wav(str(alone))
    assert "leave group= out" not in caught.value.fix
    assert "group=([^/]+)$" in caught.value.fix
    assert sum(map(len, open_wav(f"{alone}?group=([^/]+)$").splits.values())) == 15


def test_voices_in_several_given_splits_are_told(words: Path) -> None:
    for name in ("low", "mid", "high"):
        for split, takes in (("train", "v[0-6]"), ("test", "v[67]")):
            (words / split / name).mkdir(parents=True)
            for number, file in enumerate(sorted((words / name).glob(f"{takes}_*.wav"))):
                if split == "test" or number != 13:  # of v6 one take in each
                    file.rename(words / split / name / file.name)
        (words / name).rmdir()
    data = open_wav(str(words))
    assert sum(map(len, data.splits.values())) == 48
    assert any(note.startswith("1 of 8 speakers") and "such as v6" in note for note in data.notes)


def test_groups_may_be_asked_for_otherwise(words: Path) -> None:
    data = open_wav(f"{words}?group=^(v\\d)_&seconds=0.5&rate=8000")
    assert data.splits["train"].read(0).shape == (4000,)
    assert any(note.startswith("split by group") for note in data.notes)
    with pytest.raises(BadData, match="the groups cannot be divided"):  # of two takes
        open_wav(f"{words}?group=nohash_(\\d)")


def test_sounds_of_all_forms_come_out_alike(words: Path) -> None:
    file = words / "low" / "v0_nohash_0.wav"
    names = [f"low/{file.name}"]

    def read() -> tuple[np.ndarray, tuple[str, ...]]:  # type: ignore[type-arg]
        data = open_wav(str(words))
        split = next(s for s in data.splits.values() if names[0] in s.names)
        return split.read(list(split.names).index(names[0])), data.notes

    before, _ = read()
    samples = before.astype(np.float64)
    file.write_bytes(wav(np.stack([samples, samples], 1), bits=32, form=FLOAT))
    after, notes = read()
    assert np.array_equal(before, after)
    assert any("1 sounds of several channels" in note for note in notes)
    file.write_bytes(wav(tone(300, 8000, 2.0), 8000))
    after, notes = read()
    assert after.shape == before.shape
    assert any("1 at 8,000, 47 at 16,000" in note for note in notes)
    assert any("nothing above 4,000 Hz" in note for note in notes)
    assert any("longer than 1 s" in note and "low/v0_nohash_0.wav" in note for note in notes)
    file.write_bytes(wav(np.zeros(16_000)))
    assert any("silence: low/v0" in note for note in read()[1])


def test_the_fingerprint_follows_the_files(words: Path) -> None:
    before = fingerprint(str(words))
    assert fingerprint(str(words)) == before
    (words / "low" / "new.wav").write_bytes(wav(tone(300)))
    assert fingerprint(str(words)) != before


def test_a_few_broken_sounds_are_left_out_and_more_stop(tmp_path: Path) -> None:
    words = tone_folder(tmp_path / "words", voices=17, takes=2)
    bad = words / "low" / "bad_nohash_0.wav"
    bad.write_text("this is a text\n")
    (words / "low" / "notes.mp3").write_bytes(b"ID3")
    notes = " ".join(open_wav(str(words)).notes)
    assert "1 left out: broken: low/bad_nohash_0.wav: it is a text" in notes
    assert "1 left out: not .wav files: low/notes.mp3" in notes
    for number in range(1, 4):
        (words / "mid" / f"bad_nohash_{number}.wav").write_bytes(wav(np.zeros(0)))
    with pytest.raises(BadData, match=r"4 of 106 sounds are broken.*no samples"):
        open_wav(str(words))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("rate=16", "rate=16 is not from"),
        ("seconds=0", "seconds=0 is not a length"),
        ("seconds=1e9", "is not a length"),
        ("second=1", "seconds"),
        ("group=nobody", "fits no file"),
    ],
)
def test_wrong_options_are_refused(words: Path, options: str, why: str) -> None:
    with pytest.raises(ZooError) as caught:
        open_wav(f"{words}?{options}")
    assert why in f"{caught.value.what} {caught.value.fix}"


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    for name in ("yes", "no"):
        (tmp_path / "m" / name).mkdir(parents=True)
        (tmp_path / "m" / name / "a.mp3").write_bytes(b"ID3")
    with pytest.raises(BadData, match="holds no sounds") as caught:
        open_wav(str(tmp_path / "m"))
    assert "2 .mp3 files are not read; save it as uncompressed" in str(caught.value.why)
    with pytest.raises(UsageError, match="there is no folder"):
        open_wav(str(tmp_path / "none"))


def test_a_network_takes_rate_and_length_from_the_data(words: Path) -> None:
    data = open_wav(f"{words}?rate=8000&seconds=0.5")
    own = fitted(SoundPreprocessing(), data)
    assert isinstance(own, SoundPreprocessing)
    assert (own.rate, own.samples, own.frame, own.hop, own.high) == (8000, 4000, 240, 160, 4000.0)
    inputs = read_inputs(data.splits["train"], own)
    assert inputs.shape[1:] == own.input_shape == (24, 40, 1)
    assert own.mean[0] == pytest.approx(float(inputs.mean()), abs=1e-4)
    assert own.std[0] == pytest.approx(float(inputs.std()), abs=1e-4)


def test_sounds_without_labels_are_read_alike(words: Path, tmp_path: Path) -> None:
    found = sound_samples(str(words), 16_000, 16_000)
    assert len(found.samples) == 48
    (tmp_path / "a.wav").write_bytes(wav(tone(300, 44_100, 0.5), 44_100))
    (one,) = sound_samples(str(tmp_path / "a.wav"), 16_000, 16_000).samples
    assert one.read().shape == (16_000,)
    (tmp_path / "b.wav").write_text("text")
    (broken,) = sound_samples(str(tmp_path / "b.wav"), 16_000, 16_000).samples
    with pytest.raises(BadData, match="cannot be read as a sound"):
        broken.read()
    with pytest.raises(UsageError, match="there is no file"):
        sound_samples(str(tmp_path / "c.wav"), 16_000, 16_000)


def with_lists(words: Path, voices: dict[str, str]) -> dict[str, list[str]]:
    """Noise beside the words, and the sounds of some voices in lists, as in Speech Commands."""
    (words / "_background_noise_").mkdir()
    for number in range(2):
        noise = wav(tone(50, seconds=1.5, seed=number))
        (words / "_background_noise_" / f"noise_{number}.wav").write_bytes(noise)
    names = sorted(path.relative_to(words).as_posix() for path in words.rglob("*_nohash_*.wav"))
    lists = {
        name: [path for path in names if path.partition("/")[2].startswith(voice)]
        for name, voice in voices.items()
    }
    for name, own in lists.items():
        (words / name).write_text("".join(f"{path}\n" for path in own), encoding="utf-8")
    return lists


def test_noise_is_no_class_and_lists_say_the_splits(words: Path) -> None:
    before = fingerprint(str(words))
    lists = with_lists(words, {"testing_list.txt": "v3", "validation_list.txt": "v5"})
    assert fingerprint(str(words)) != before
    with (words / "testing_list.txt").open("a", encoding="utf-8") as file:
        file.write("low\\v9_nohash_0.wav\n")
    data = open_wav(str(words))
    assert data.classes == ("high", "low", "mid")
    named = {name: list(split.names or ()) for name, split in data.splits.items()}
    assert named["test"] == lists["testing_list.txt"]
    assert named["validation"] == lists["validation_list.txt"]
    assert voices_of(named["train"]) == {f"v{n}" for n in (0, 1, 2, 4, 6, 7)}
    told = "\n".join(data.notes)
    assert "left out: _background_noise_, 2 recordings" in told
    assert "split by testing_list.txt and validation_list.txt: 36 train, 6 test, 6 valid" in told
    assert "1 in the lists, and not in the folder: low/v9_nohash_0.wav" in told
    assert "testing_list.txt (" not in told


@pytest.mark.parametrize(
    ("voices", "says"),
    [
        ({"testing_list.txt": "v3", "validation_list.txt": "v3"}, "is in testing_list.txt and in"),
        ({"testing_list.txt": "v3", "validation_list.txt": "none"}, "no validation sound of high"),
    ],
    ids=["twice", "nothing"],
)
def test_lists_that_cannot_be_are_refused(words: Path, voices: dict[str, str], says: str) -> None:
    with_lists(words, voices)
    with pytest.raises(BadData, match=says):
        open_wav(str(words))


def test_lists_name_sounds_however_they_are_spelt(words: Path) -> None:
    (words / "low").rename(words / unicodedata.normalize("NFD", "für"))
    lists = with_lists(words, {"testing_list.txt": "v3", "validation_list.txt": "v5"})
    for name, own in lists.items():
        text = "\r\n".join(f"./{unicodedata.normalize('NFC', path)}" for path in own)
        (words / name).write_bytes(text.encode())
    data = open_wav(str(words))
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 36,
        "validation": 6,
        "test": 6,
    }
    assert not any("not in the folder" in note for note in data.notes)
    (words / "testing_list.txt").write_text("/data/high/v3_nohash_0.wav\n", encoding="utf-8")
    with pytest.raises(BadData, match="no test sound of für, high, mid") as caught:
        open_wav(str(words))
    assert "name no file of the folder: 1, such as /data/high/v3" in str(caught.value.why)


def test_one_list_alone_is_told(words: Path) -> None:
    with_lists(words, {"testing_list.txt": "v3"})
    data = open_wav(str(words))
    assert "testing_list.txt not used: the other is missing" in data.notes
    assert any("grouped by speaker" in note for note in data.notes)


def test_a_test_split_is_not_cut_where_lists_name_one(words: Path) -> None:
    with_lists(words, {"testing_list.txt": "v3", "validation_list.txt": "v5"})
    for read in (open_wav, fingerprint):
        with pytest.raises(UsageError, match=r"testing_list\.txt and validation_list\.txt say"):
            read(f"{words}?test=0.2")
    (words / "testing_list.txt").unlink()
    with pytest.raises(UsageError, match="is not divided yet"):
        open_wav(f"{words}?test=0.2")
