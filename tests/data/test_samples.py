"""Examples without labels are read exactly as the datasets of the training are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import write_photographs
from PIL import Image

from zoo.common.errors import BadData, UnknownName, UsageError, ZooError
from zoo.contracts import ImagePreprocessing, Preprocessing, SeriesPreprocessing, TokenPreprocessing
from zoo.contracts.preprocessing import LatentPreprocessing, TensorPreprocessing
from zoo.data.csv_series import open_csv
from zoo.data.folder import open_folder
from zoo.data.preprocessing.inputs import fitted, kind_of, read_inputs
from zoo.data.samples.reading import find_samples, read_samples
from zoo.data.text import open_text

_THREE = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
CROPPED = ImagePreprocessing(
    height=24, width=20, channels=3, resize="crop", crop_share=0.875, **_THREE
)
GREY_FIRST = ImagePreprocessing(height=16, width=16, channels=1, resize="pad", layout="nchw")


def inputs_of(own: Preprocessing, *given: str, data: str = "") -> dict[str, Any]:
    """Network inputs by the names of the examples; everything must be readable."""
    found = find_samples(own, given, data)
    inputs, good, bad = read_samples(found.samples, own, range(len(found.samples)))
    assert found.problems == bad == []
    return {found.samples[index].name: one for index, one in zip(good, inputs, strict=True)}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs as phones and programs leave them: turned, transparent, deep, of any format."""
    folder = write_photographs(tmp_path_factory.mktemp("photos"), each=8)
    picture = Image.open(folder / "plant" / "IMG_0000.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.save(folder / "plant" / "turned.JPG", exif=turned)
    ghost = picture.convert("RGBA")
    ghost.putalpha(Image.linear_gradient("L").resize(picture.size))
    ghost.save(folder / "house" / "ghost.png")
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "sign" / "deep.tiff")
    picture.convert("P").save(folder / "sign" / "palette.gif")
    picture.resize((3, 200)).save(folder / "house" / "thin.webp")
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    picture.save(folder / "house" / "phone.HEIC")
    return folder


@pytest.mark.parametrize("own", [CROPPED, GREY_FIRST], ids=["crop", "grey"])
def test_pictures_are_read_as_the_dataset_reads_them(
    photographs: Path, own: ImagePreprocessing
) -> None:
    dataset = open_folder(str(photographs))
    trained = {
        name: one
        for split in dataset.splits.values()
        for name, one in zip(split.names, read_inputs(split, own), strict=True)
    }
    found = inputs_of(own, str(photographs))
    assert {str(photographs / name) for name in trained} == set(found)
    assert len(found) == 30
    for name, one in trained.items():
        np.testing.assert_array_equal(found[str(photographs / name)], one)
    # A file that is named by itself is read in the same way.
    alone = str(photographs / "plant" / "turned.JPG")
    np.testing.assert_array_equal(inputs_of(own, alone)[alone], found[alone])
    upright = str(photographs / "plant" / "IMG_0000.jpg")
    assert (found[upright] != found[alone]).any()


def test_what_cannot_be_decoded_is_named_and_the_rest_is_read(photographs: Path, tmp_path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (tmp_path / "notes.md").write_text("no picture")
    good = tmp_path / "good.png"
    Image.new("L", (5, 9), 77).save(good)
    found = find_samples(CROPPED, (str(tmp_path), str(tmp_path / "missing.jpg")), "")
    inputs, kept, bad = read_samples(found.samples, CROPPED, range(2))
    assert [found.samples[index].name for index in kept] == [str(good)]
    assert (inputs == 77).all()
    assert [(found.samples[i].name, why) for i, why in bad] == [
        (str(tmp_path / "broken.jpg"), "not an image, or of an unknown format")
    ]
    assert found.problems == [
        (str(tmp_path / "missing.jpg"), f"there is no file or folder {tmp_path / 'missing.jpg'}")
    ]
    assert found.notes == [f"1 left out of {tmp_path}: notes.md"]
    with pytest.raises(UsageError, match="there is no file or folder ''"):
        find_samples(CROPPED, ("",), "")


def test_arrays_of_pictures_are_scaled_as_those_of_datasets(tmp_path) -> None:
    fractions = np.linspace(0, 1, 2 * 16 * 16).reshape(2, 16, 16)
    np.savez(tmp_path / "a.npz", x=fractions, y=np.zeros(2))
    found = inputs_of(GREY_FIRST, str(tmp_path / "a.npz"))
    assert list(found) == [f"{tmp_path}/a.npz, x[0]", f"{tmp_path}/a.npz, x[1]"]
    expected = np.rint(fractions[1] * 255).astype(np.uint8)
    np.testing.assert_array_equal(found[f"{tmp_path}/a.npz, x[1]"], expected[np.newaxis])
    raw = np.full((16, 16, 1), 9, np.uint8)
    (sample,) = find_samples(GREY_FIRST, (raw,), "").samples
    np.testing.assert_array_equal(sample.read(), raw)
    np.savez(tmp_path / "two.npz", a=fractions, b=fractions)
    with pytest.raises(BadData, match=r"two\.npz holds a, b"):
        find_samples(GREY_FIRST, (str(tmp_path / "two.npz"),), "")


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a dataset of recordings, with a clock that jumps."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    rows = [
        f"{5 * block * 60 + n},{random.normal():.3f},{10 + random.normal():.3f},{'ab'[block % 2]}"
        for block in range(8)
        for n in range(60)
    ]
    Path("walk.csv").write_text("\n".join(["t,x,y,label", *rows]))
    return "csv:walk.csv?window=10&time=t"


SERIES = SeriesPreprocessing(steps=10, channels=2)


def test_windows_are_those_of_the_dataset_whatever_the_order_of_columns(walk: str) -> None:
    dataset = open_csv(walk.removeprefix("csv:"))
    trained = {
        one.tobytes() for split in dataset.splits.values() for one in read_inputs(split, SERIES)
    }
    found = inputs_of(SERIES, "walk.csv", data=walk)
    assert trained <= {one.tobytes() for one in found.values()}
    assert list(found)[:2] == ["walk.csv, rows 1 to 10", "walk.csv, rows 11 to 20"]
    # The same values without labels and clock, the channels the other way round.
    lines = Path("walk.csv").read_text().splitlines()
    other = [",".join(line.split(",")[2:0:-1]) for line in lines]
    Path("new.csv").write_text("\n".join(other))
    again = inputs_of(SERIES, "new.csv", data=walk)
    for one, same in zip(found.values(), again.values(), strict=True):
        np.testing.assert_array_equal(one, same)
    notes = find_samples(SERIES, ("new.csv",), walk).notes
    assert notes == ["channels are the columns x, y, as in walk.csv"]


def test_columns_that_nothing_names_are_told(walk: str) -> None:
    Path("walk.csv").rename("new.csv")
    asked = "new.csv?channels=y,x&stride=5"
    (first, *_), unnamed = inputs_of(SERIES, asked, data=walk).values(), inputs_of
    assert first[0, 0] > 5 > first[0, 1]
    found = find_samples(SERIES, ("new.csv",), walk)
    assert found.notes == [
        "channels are the columns x, y, in this order: the network does not say which it was "
        "trained on"
    ]
    with pytest.raises(UsageError, match="3 columns of numbers: t, x, y"):
        unnamed(SERIES, "new.csv", data="csv:gone.csv?window=10")
    with pytest.raises(UsageError, match="no column 'z'"):
        unnamed(SERIES, "new.csv?channels=z,x", data=walk)
    Path("short.csv").write_text("x,y\n1,2\n")
    assert find_samples(SERIES, ("short.csv",), walk).problems == [
        ("short.csv", "the network takes 10 rows, and the longest stretch has 1")
    ]


def test_columns_of_the_training_are_found_by_name_wherever_the_data_went(walk: str) -> None:
    dataset = open_csv(walk.removeprefix("csv:"))
    own = fitted(SERIES, dataset)
    trained = list(inputs_of(own, "walk.csv", data=walk).values())
    lines = [line.split(",") for line in Path("walk.csv").read_text().splitlines()]
    Path("walk.csv").unlink()

    def write(*columns: tuple[str, int]) -> None:
        names = ",".join(name for name, _ in columns)
        rows = [",".join(line[place] for _, place in columns) for line in lines[1:]]
        Path("new.csv").write_text("\n".join([names, *rows]))

    write(("y", 2), ("other", 0), ("x", 1), ("t", 0))
    again = list(inputs_of(own, "new.csv", data=walk).values())
    np.testing.assert_array_equal(again, trained)
    assert find_samples(own, ("new.csv",), walk).notes == []
    with pytest.raises(UsageError, match="another order") as caught:
        find_samples(own, ("new.csv?channels=y,x",), walk)
    assert caught.value.fix == "leave it out, or write channels=x,y"
    write(("X", 1), ("y", 2), ("t", 0))
    with pytest.raises(UsageError, match="no column 'x'") as caught:
        find_samples(own, ("new.csv",), walk)
    assert str(caught.value.fix).endswith("new.csv?channels=X,y")
    mapped = list(inputs_of(own, "new.csv?channels=X,y", data=walk).values())
    np.testing.assert_array_equal(mapped, trained)


def test_data_whose_columns_are_swapped_or_renamed_are_no_data_of_the_network(walk: str) -> None:
    path = walk.removeprefix("csv:")
    own = fitted(SERIES, open_csv(path))
    kind, swapped = kind_of(own), open_csv(f"{path}&channels=y,x")
    kind.check_names(open_csv(path), "net")
    for trained in (False, True):
        with pytest.raises(UsageError, match="in another order than those that net") as caught:
            kind.check_names(swapped, "net", trained=trained)
    assert caught.value.fix == "read them in that order: channels=x,y"
    header, rest = Path("walk.csv").read_text().split("\n", 1)
    Path("walk.csv").write_text(header.replace("y", "z") + "\n" + rest)
    renamed = open_csv(path)
    with pytest.raises(UsageError, match="trained on x, y; the data have x, z"):
        kind.check_names(renamed, "net")
    kind.check_names(renamed, "net", trained=True)
    assert kind.renamed(renamed).names == ("x", "z")


WORDS = TokenPreprocessing(length=4, size=50, vocabulary=("good", "film", "bad"))


def test_texts_are_typed_or_read_as_the_dataset_reads_them(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{w} Film {n},{w}" for w in ("good", "bad") for n in range(20)]
    Path("texts.csv").write_text("\n".join(["text,label", *rows]))
    dataset = open_text("texts.csv")
    trained = {one.tobytes() for s in dataset.splits.values() for one in read_inputs(s, WORDS)}
    found = inputs_of(WORDS, "texts.csv", data="text:texts.csv")
    assert {one.tobytes() for one in found.values()} == trained
    Path("a.txt").write_text("\ufeffA good FILM\n", encoding="utf-8")
    assert inputs_of(WORDS, "a.txt")["a.txt"].tolist() == [1, 2, 3, 0]
    assert inputs_of(WORDS, "a good film")["a good film"].tolist() == [1, 2, 3, 0]
    with pytest.raises(UsageError, match=r"there is no file or folder b\.txt"):
        find_samples(WORDS, ("b.txt",), "")
    with pytest.raises(UsageError, match="empty"):
        find_samples(WORDS, (" ",), "")
    Path("c.csv").write_text("id,review\n1,good\n2,\n")
    with pytest.raises(UnknownName, match="'text'"):
        find_samples(WORDS, ("c.csv",), "")
    chosen = find_samples(WORDS, ("c.csv?text=review",), "")
    assert [sample.name for sample in chosen.samples] == ["c.csv, line 2"]
    assert chosen.problems == [("c.csv, line 3", "the text is empty")]


def test_sentences_of_conll_files_are_tokens_without_their_tags(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.conll").write_text("good B\nstate-of-the-art O\n\nfilm O\nbad B\n")
    expected = {"a.conll, sentence 1": [2, 1, 0, 0], "a.conll, sentence 2": [3, 4, 0, 0]}
    read = inputs_of(WORDS, "a.conll")
    assert {name: one.tolist() for name, one in read.items()} == expected
    Path("bare.iob2").write_text("good\nfilm\n")
    assert inputs_of(WORDS, "bare.iob2")["bare.iob2"].tolist() == [2, 3, 0, 0]
    Path("b.tsv").write_text("film\tO\nbad\tB\n")
    assert inputs_of(WORDS, "b.tsv", data="conll:gone.tsv")["b.tsv"].tolist() == [3, 4, 0, 0]
    empty = "\t_" * 8
    lines = [word + empty for word in ("1-2\tgoodfilm", "1\tgood", "2\tfilm", "2.1\tbad")]
    Path("c.conllu").write_bytes("\r\n".join(["\ufeff# text = good film", *lines]).encode())
    assert inputs_of(WORDS, "c.conllu")["c.conllu"].tolist() == [2, 3, 0, 0]
    Path("odd.conll").write_text("good B\nfilm\n")
    with pytest.raises(BadData, match="line 2: 1 columns, but the lines before have 2"):
        find_samples(WORDS, ("odd.conll",), "")
    found = find_samples(WORDS, (".",), "")
    assert [sample.name for sample in found.samples] == [*expected, "bare.iob2", "c.conllu"]
    assert [name for name, _ in found.problems] == ["odd.conll"]
    with pytest.raises(UsageError, match=r"there is no file or folder none\.conll"):
        find_samples(WORDS, ("none.conll",), "")


def test_a_folder_without_pictures_is_told_in_few_words(tmp_path) -> None:
    for name in ("b.npz", "a.csv"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="there are no pictures in") as caught:
        find_samples(CROPPED, (str(tmp_path),), "")
    assert caught.value.why == "it holds 2 other files, such as a.csv"
    assert ".jpg" in caught.value.fix
    assert "python -m PIL" in caught.value.fix
    assert len(caught.value.fix) < 150


@pytest.mark.parametrize(
    ("header", "names", "told"),
    [
        ("ax,ay,AZ", ("ax", "ay", "az"), "?channels=ax,ay,AZ"),
        ("up,left,far,more", ("ax", "ay", "az"), "?channels=up,left,far"),
        ("ax,second", ("ax", "ay", "az"), "?channels=ax,second,NAME"),
        ("one,two,three,four", (), "?channels=one,two,three"),
    ],
)
def test_columns_to_choose_are_named_as_many_as_channels(tmp_path, header, names, told) -> None:
    own = SeriesPreprocessing(steps=1, channels=3, names=names)
    file = tmp_path / "t.csv"
    file.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    with pytest.raises(UsageError) as caught:
        find_samples(own, (str(file),), "")
    assert caught.value.fix.endswith(f"t.csv{told}")


def test_inputs_of_unknown_meaning_are_arrays_of_their_names(tmp_path) -> None:
    own = TensorPreprocessing(name="ids", shape=(2,), low=0, high=9, number="int32")
    np.savez(tmp_path / "t.npz", ids=np.arange(6).reshape(3, 2))
    assert [one.tolist() for one in inputs_of(own, str(tmp_path / "t.npz")).values()] == [
        [0, 1],
        [2, 3],
        [4, 5],
    ]
    np.savez(tmp_path / "flat.npz", ids=np.arange(6))
    found = find_samples(own, (str(tmp_path / "flat.npz"),), "")
    *_, (_, why) = read_samples(found.samples, own, range(6))[2]
    assert why == "each sample has one number, and the network takes ids, 2 of int32, as it is"
    with pytest.raises(BadData, match="holds no inputs of this network"):
        find_samples(own, (__file__,), "")


def test_a_generator_takes_no_examples() -> None:
    own = LatentPreprocessing(size=4, examples=GREY_FIRST, judge="x")
    with pytest.raises(ZooError, match="makes them from noise"):
        find_samples(own, ("a.jpg",), "")
