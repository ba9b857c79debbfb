"""Texts and tags go the whole way: training, files, reports, and what is refused on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

from zoo.artifacts.artifact import open_artifact
from zoo.contracts import TokenPreprocessing
from zoo.networks.card import read_card
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow
TEXTS = Path(__file__).parents[1] / "plugins" / "stdlib_sequences.py"
SMALL = ("finetune", "lstm_small", "--data", "digits_rows", "--from-scratch")
#: What is asked of the file's answers; whether it may ship is for other checks.
ANSWERS = ("finite", "parity", "preprocessing", "accuracy", "operators")


@dataclass(frozen=True)
class Shipped:
    folder: Path
    summary: dict
    home: Path

    def zoo(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return typed(self.home, *arguments)

    @property
    def file(self) -> Path:
        (found,) = [p for p in self.folder.iterdir() if ".tflite" in p.name]
        return found

    @property
    def weights(self) -> Path:
        (found,) = self.folder.glob("*.safetensors")
        return found

    @property
    def page(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")


def typed(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    own = {"ZOO_HOME": str(home), "ZOO_OFFLINE": "1"}
    return typed_in(home, "--plugin", TEXTS, *arguments, environment=own)


def ship(home: Path, model: str, data: str) -> Shipped:
    done = typed(
        home,
        *("ship", model, "--data", data, "--from-scratch", "--epochs", "3"),
        *("--learning-rate", "0.01", "--format", "tflite", "--precision", "float32", "--json"),
    )
    assert done.returncode in (0, 1), done.stderr
    summary = json.loads(done.stdout)
    folder = home / summary["folder"]
    return Shipped(folder=folder, summary=summary, home=home)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("text"), "lstm_text", "stdlib_docstrings")


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("tagger"), "lstm_tagger", "stdlib_tags")


def test_the_file_answers_as_the_network(text: Shipped, tagger: Shipped) -> None:
    for shipped, least in ((text, 0.8), (tagger, 0.9)):
        (row,) = shipped.summary["files"]
        checks = {check["name"]: check for check in row["checks"]}
        for name in ANSWERS:
            assert checks[name]["passed"], checks[name]
        assert row["agreement"] == 1.0
        assert row["max_abs"] < 1e-4
        assert row["accuracy"]["value"] > least


def test_steps_are_counted_as_steps(tagger: Shipped) -> None:
    (row,) = tagger.summary["files"]
    assert row["accuracy"]["name"] == "step accuracy"
    assert row["accuracy"]["counted"] == "step"
    accuracy = read_card(tagger.weights.with_suffix(".toml")).accuracy
    assert accuracy is not None
    assert accuracy.counted == "step"
    assert accuracy.count == row["accuracy"]["count"] > 2000
    checks = {check["name"]: check["value"] for check in row["checks"]}
    assert "agree" in checks["parity"]
    assert "steps of" in checks["parity"]
    assert "sequences worse" in checks["accuracy"]


def test_the_report_shows_texts_and_tags(text: Shipped, tagger: Shipped) -> None:
    assert text.page.count("<blockquote>") == 12
    assert "asyncio" in text.page
    assert tagger.page.count('<p class="tagged">') == 6
    assert "steps right" in tagger.page
    assert "Confusion matrix" in tagger.page
    for page in (text.page, tagger.page):
        assert "Not a picture" not in page
        assert "No samples were kept" not in page


def test_the_vocabulary_travels_in_the_file(text: Shipped) -> None:
    card = read_card(text.weights.with_suffix(".toml"))
    manifest = open_artifact(load_registry(), text.file).manifest
    assert manifest is not None
    assert isinstance(manifest.preprocessing, TokenPreprocessing)
    assert manifest.preprocessing == card.preprocessing
    assert "asyncio" in manifest.preprocessing.vocabulary


def test_a_file_reads_other_texts_with_its_own_vocabulary(text: Shipped) -> None:
    """The same numbers again, and other ones once the file's words are no longer the dataset's."""
    own = text.zoo("evaluate", text.file, "--data", "stdlib_docstrings", "--json")
    assert own.returncode == 0, own.stderr
    (row,) = text.summary["files"]
    assert json.loads(own.stdout)["metrics"][0]["value"] == row["accuracy"]["value"]
    other = text.zoo("evaluate", text.file, "--data", "stdlib_reversed", "--json")
    assert other.returncode == 1, "a third of these words are unknown to it, and that is told"
    found = json.loads(other.stdout)
    assert found["metrics"][0]["value"] < row["accuracy"]["value"] - 0.1
    assert "unknown-words" in {finding["code"] for finding in found["findings"]}
    known = json.loads(own.stdout)["coverage"]
    assert 0 < known["unknown"] < known["words"] / 3 < found["coverage"]["unknown"]
    share = f"Unknown words {known['unknown']:,} of {known['words']:,}"
    assert share in text.page


def test_the_bundle_reads_texts(text: Shipped, tmp_path: Path) -> None:
    app = tmp_path / "app"
    assert text.zoo("bundle", text.file, "--output", app).returncode == 0
    assert "`characters.txt` says" in (app / "README.md").read_text(encoding="utf-8")
    said = "Return the event loop’s future, as a coroutine awaits it."
    program = (sys.executable, "python/run.py", said)
    done = subprocess.run(program, cwd=app, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{said}: asyncio (")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("stdlib_tags", "the network's task is sequence-classification"),
        ("digits", "the dataset serves image-classification"),
        ("digits_rows", "asyncio, email"),
    ],
)
def test_a_dataset_of_something_else_is_refused(text: Shipped, data: str, said: str) -> None:
    for subject in (text.file, text.weights):
        done = text.zoo("evaluate", subject, "--data", data)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ("finetune", "lstm_text", "--data", "digits_rows", "--from-scratch"),
            "example 0 cannot be used: it is float32 of shape (8, 8)",
        ),
        (
            ("finetune", "lstm_small.fashion_mnist_rows", "--data", "digits_rows"),
            "takes 28 steps of 28 channels, the dataset has 8 steps of 8 channels",
        ),
        (
            (
                "finetune",
                "lstm_small",
                "--data",
                "digits_rows",
                "--from-scratch",
                "--augment",
                "flip",
            ),
            "augmentations change images; it takes series",
        ),
        (
            (
                "finetune",
                "lstm_small",
                "--data",
                "digits_rows",
                "--from-scratch",
                "--set",
                "embedding=8",
            ),
            "embedding must be 0 for series",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(line, said: str, tmp_path: Path) -> None:
    done = typed(tmp_path, *line, "--epochs", "1")
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
