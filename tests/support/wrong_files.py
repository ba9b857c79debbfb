"""What tests of wrong commands share: the files that these name."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo.plugins

WEIGHTS = Path(zoo.plugins.__file__).parent / "weights"


#: A network without weights.
TINY = """
import zoo
@zoo.hookimpl
def zoo_architectures():
    yield zoo.Architecture(
        name="tiny", summary="one layer", source="here", build=lambda inputs, classes: inputs,
        variants=(zoo.Variant(
            name="tiny8", classes=3, parameters=10, multiply_adds=20,
            preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1)),))
"""


@pytest.fixture(autouse=True)
def files(own_folders: Path) -> None:
    """The files that the wrong commands name."""
    texts = {
        "note.txt": "hello",
        "plain": "hello",
        "broken.toml": 'model = "lenet5\n',
        "typos.toml": 'model = "lenet5"\ndat = "digits"\n[training]\nepoch = 3\n',
        "flat.toml": 'model = "lenet5"\ndata = "digits"\ntraining = 3\n',
        "fake.tflite": "hello",
        "empty.onnx": "",
        "garbled.toml": "x = ",
        "torn.toml": 'variant = "lenet5"',
        "tiny.py": TINY,
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("hollow").mkdir()
    Path("latin.toml").write_bytes(b"model = '\xfc'")
    Path("disguised.tflite").write_bytes(b"\x08\x08" + bytes(14))
    Path("cut.onnx").write_bytes(b"\x08\x08\x12\xff" + bytes(20))
    card = (WEIGHTS / "lenet5.fashion_mnist.toml").read_text(encoding="utf-8")
    weights = (WEIGHTS / "lenet5.fashion_mnist.safetensors").read_bytes()
    Path("cut.toml").write_text(card, encoding="utf-8")
    Path("cut.safetensors").write_bytes(weights[:1000])
    Path("strange.toml").write_text(card.replace('"lenet5"', '"lenet99"'), encoding="utf-8")
    Path("tagger.toml").write_text(card.replace('"lenet5"', '"lstm_small"'), encoding="utf-8")
    for name in ("tagger", "bare", "strange", "torn", "garbled"):
        Path(f"{name}.safetensors").write_bytes(weights)
