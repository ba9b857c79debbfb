"""Wrong input: a sentence that helps, exit code 2, no traceback; with --json, JSON."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from wrong_files import files as files

#: Command line, and what its message must hold: what is wrong, and what is right.
WRONG = [
    ("lsit", "there is no command 'lsit'", "did you mean: zoo list"),
    ("xyzzy", "there is no command 'xyzzy'", "zoo --help"),
    ("train lenet5", "there is no command 'train'", "did you mean: zoo finetune"),
    ("Convert lenet5", "there is no command 'Convert'", "did you mean: zoo export"),
    ("--nope", "there is no option '--nope'", "`zoo --help`"),
    ("list --nope", "there is no option '--nope'", "`zoo list --help`"),
    ("plugins lst", "no such command 'lst'", "list"),
    ("ship --deivce a", "there is no option '--deivce'", "did you mean '--device'"),
    ("ship digits lenet5", "zoo ship takes no further argument lenet5", "named by --data"),
    ("inspect a.onnx b c", "takes no further argument b c", "`zoo inspect [OPTIONS] FILE|FOLDER`"),
    ("ship lenet5 \u2013data digits", "no further argument", "two hyphens: --data."),
    ("export lenet5 --precision int8 float32", "no further argument float32", "joined by commas"),
    ("bench https://a.b/c.onnx", "https://a.b/c.onnx is a URL, not a file", "download it first"),
    ("info LeNet-5", "unknown model 'LeNet-5'", "did you mean 'lenet5'?"),
    ("ship lenet5 --dataset digits", "no option '--dataset'", "did you mean '--data'?"),
    ("ship lenet5 --lr 1", "no option '--lr'", "did you mean '--learning-rate'?"),
    ("export lenet5 --quantize int8", "no option '--quantize'", "did you mean '--precision'?"),
    ("ship lenet5 -d digits", "no option '-d'", "did you mean '--data'?"),
    ("ship --model lenet5", "no option '--model'", "[MODEL] is named without an option: `zoo ship"),
    ("predict lenet5 --image a.png", "no option '--image'", "INPUT... is named without an option"),
    ("ship lenet5 --epochs ten", "--epochs must be a whole number (got 'ten')", "--help"),
    ("ship lenet5 --epochs 1,5", "a whole number (got '1,5')", "fix: `zoo ship --help`"),
    ("ship lenet5 --learning-rate 0,1", "must be a number (got '0,1')", "write 0.1."),
    ("bench a.onnx --threads 0", "--threads must be from 1 to 1024 (got 0)", "--help"),
    ("predict lenet5 a.png --top 0", "--top must be 1 or more (got 0)", "--help"),
    ("list datasets", "no model is called 'datasets'", "did you mean: zoo data"),
    ("help ship", "there is no command 'help'", "did you mean: zoo ship --help"),
    ("verify lenet5", "there is no file lenet5", "export it: zoo export lenet5"),
    ("predict note.txt lenet5", "note.txt is not a network", "zoo predict lenet5 note.txt"),
    ("predict lenet5 https://a.b/c.png", "there is no file", "download it first"),
    ("ship lenet5 --data https://a.b/c.zip", "unknown dataset", "download it first"),
    ("list nope", "unknown model 'nope'", "`zoo list` shows them all"),
    ("info", "missing argument", "MODEL"),
    ("info lenet6", "unknown model 'lenet6'", "did you mean 'lenet5'"),
    ("info lenet5.fashion", "unknown weights of lenet5 'fashion'", "'fashion_mnist'"),
    ("ship", "model: is required, such as `lenet5`", "data: is required, such as `--data digits`"),
    ("ship lenet5", "data: is required", "fix: `--help` behind the command"),
    ("finetune --data digits", "model: is required", "zoo list"),
    ("ship lenet4 --data digits", "unknown model 'lenet4'", "'lenet5'"),
    ("ship '' --data digits", "unknown model ''", "`zoo list`"),
    ("ship resnet --data digits", "'resnet' is a family, not a model", "resnet8"),
    (
        "--plugin tiny.py ship tiny8 --data digits",
        "'tiny8' has no pretrained weights",
        "--from-scratch",
    ),
    (
        "--plugin tiny.py finetune tiny8 --data digits",
        "'tiny8' has no pretrained weights",
        "--from-scratch",
    ),
    ("ship nowhere.safetensors --data digits", "there are no weights nowhere.safetensors", "path"),
    (f"explain {'a' * 300}.onnx", "a.onnx cannot be read", "File name too long"),
    ("ship lenet5 --data digitz", "unknown dataset 'digitz'", "did you mean 'digits'"),
    ("ship lenet5 --data ''", "unknown dataset ''", "digits"),
    ("ship lenet5 --data mnist", "unknown dataset 'mnist'", "did you mean 'keras:mnist'?"),
    ("ship lenet5 --data .", "unknown dataset '.'", "did you mean 'folder:.' or 'wav:.'?"),
    ("data ~nobody-here/x", "unknown dataset '~nobody-here/x'", "choose one of"),
    ("data folder:~nobody-here/x", "there is no folder ~nobody-here/x", "name a folder"),
    (f"data {'a' * 300}", "unknown dataset 'aaa", "choose one of"),
    (f"data folder:{'a' * 300}", "there is no folder aaa", "name a folder"),
    ("ship lenet5 --data note.txt", "unknown dataset 'note.txt'", "no dataset reads such"),
    ("ship lenet5 --data plain", "unknown dataset 'plain'", "no dataset reads such"),
    ("ship lenet5 --data imagenet", "unknown dataset 'imagenet'", "more; `zoo data` shows them"),
    ("ship lenet5 --data digits --precision fp16", "unknown precision 'fp16'", "mean 'float16'?"),
    ("optimize lenet5 --data digits --precision INT4", "precision 'INT4'", "mean 'int4-weights'?"),
    ("ship lenet5 --data digits --format LiteRT", "unknown format 'LiteRT'", "mean 'tflite'?"),
    ("ship lenet5 --data digits --device rpi4", "unknown device 'rpi4'", "mean 'emulated-pi4'?"),
    ("ship lenet5 --data digits --device android", "unknown device 'android'", "mean 'adb'?"),
    ("ship lenet5 --data digits --device pda", "unknown device 'pda'", "`zoo devices list` shows"),
    ("ship lenet5 --data digits:x", "digits takes no argument, but got 'x'", "--data digits"),
    ("ship lenet5 --data folder", "needs a path", "folder:PATH"),
    ("ship lenet5 --data folder:", "needs a path", "folder:PATH"),
    ("ship lenet5 --data folder:nowhere", "there is no folder", "nowhere"),
    ("ship lenet5 --data npz:nowhere.npz", "there is no file nowhere.npz", "path"),
    ("ship lenet5 --data keras:minst", "unknown dataset of Keras 'minst'", "'mnist'"),
    ("ship lenet5 --data keras:imdb", "'keras:imdb' does not fit 'lenet5'", "zoo list"),
    ("ship lenet5 --data 'npz:a.npz?knd=series'", "unknown option of npz 'knd'", "'kind'"),
    ("ship lenet5 --data 'hf:a?lable=b'", "unknown option of hf 'lable'", "'label'"),
    ("ship lenet5 --data digits --format tflit", "unknown format 'tflit'", "'tflite'"),
    ("ship lenet5 --data digits --format ''", "--format names nothing", "leave it out"),
    ("ship lenet5 --data digits --precision ,", "--precision names nothing", "leave it out"),
    ("ship lenet5 --data digits --precision int9", "unknown precision", "'int8'"),
    ("ship lenet5 --data digits --precision int4,int8", "unknown precision", "'int4'"),
    ("ship lenet5 --data digits --device hots", "unknown device 'hots'", "'host'"),
    ("ship lenet5 --data digits --tier quik", "unknown tier 'quik'", "'quick'"),
    (
        "ship lenet5 --data digits --epochs -1",
        "invalid options",
        "--epochs (training.epochs): must be 0 or more (got -1)",
    ),
    ("ship lenet5 --data digits --epochs many", "--epochs", "'many'"),
    ("ship lenet5 --data digits --learning-rate nan", "training.learning_rate", "got nan"),
    ("ship lenet5 --data digits --learning-rate 0", "training.learning_rate", "more than 0"),
    ("ship lenet5 --data digits --batch-size 0", "training.batch_size", "got 0"),
    ("ship lenet5 --data digits --dropout 1", "training.dropout", "less than 1"),
    ("ship lenet5 --data digits --freeze body", "training.freeze", "'backbone'"),
    ("ship lenet5 --data digits --freeze gradual --epochs 1", "at least 2 epochs", "'gradual'"),
    ("ship lenet5 --data digits --freeze gradual --from-scratch", "from_scratch has none", "grad"),
    ("ship lenet5 --data digits --rate-factor 2 --from-scratch", "rate_factor", "has none"),
    ("ship lenet5 --data digits --rate-factor 2 --freeze backbone", "rate_factor", "one group"),
    ("ship lenet5 --data digits --rate-factor 0.5", "training.rate_factor", "got 0.5"),
    ("ship lenet5 --data digits --groups 1", "training.groups", "got 1"),
    ("ship lenet5 --data digits --channels 2", "training.channels", "1 (grey) or 3 (RGB)"),
    ("ship lenet5 --data digits --input-size 0", "training.input_size", "or more"),
    ("ship lenet5 --data digits --input-size -3", "HEIGHTxWIDTH", "got '-3'"),
    ("ship lenet5 --data digits --input-size 4x5x6", "HEIGHTxWIDTH", "got '4x5x6'"),
    ("ship lenet5 --data digits --input-size big", "a size such as 48", "got 'big'"),
    ("ship lenet5 --data digits --input-size 99999", "training.input_size", "8192"),
    ("ship lenet5 --data digits --jit perhaps", "training.jit", "'auto'"),
    ("ship lenet5 --data digits --augment spin", "training.augment", "'flip'"),
    ("ship lenet5 --data digits --max-drop -1", "gate.max_drop", "got -1"),
    ("ship lenet5 --data digits --calibration-samples 0", "calibration.samples", "got 0"),
    ("ship lenet5 --data digits --threads 0", "bench.threads", "got 0"),
    ("ship lenet5 --data digits --seed -1", "seed", "got -1"),
    ("ship lenet5 --data digits --set activation", "not KEY=VALUE", "--set activation=relu"),
    ("ship lenet5 --data digits --set activatoin=relu", "'activatoin'", "it has: activation"),
    ("ship --recipe nowhere.toml", "there is no recipe nowhere.toml", "path"),
    ("ship --recipe .", "cannot be read", "name a recipe file"),
    ("ship --recipe broken.toml", "broken.toml is not TOML", "line 1"),
    ("ship --recipe latin.toml", "latin.toml is not TOML", "utf-8"),
    ("ship --recipe typos.toml", "did you mean 'epochs'?", "did you mean 'data'?"),
    ("ship --recipe flat.toml", "training: must be a table", "flat.toml"),
    ("ship lenet5 --data digits --store nonsense", "not a usable database URL", "sqlite:///"),
    ("--plugin tiny.py export tiny8", "'tiny8' has no packaged weights", "--from-scratch"),
    ("export note.txt", "note.txt is not a model", "zoo inspect"),
    ("evaluate nope", "unknown model 'nope'", "`zoo list` shows"),
    ("--plugin tiny.py evaluate tiny8", "'tiny8' has no packaged weights", "zoo finetune tiny8"),
    ("evaluate lenet5 --split tset", "unknown split 'tset'", "'test'"),
    ("evaluate nowhere.tflite", "there is no file nowhere.tflite", "path"),
    ("evaluate fake.tflite", "fake.tflite is not what its suffix says", "tflite"),
    ("inspect nowhere", "there is no file nowhere", "path"),
    ("inspect hollow", "holds no exported files", "name a file"),
    ("inspect note.txt", "no suffix of a known format", ".tflite"),
    ("inspect fake.tflite", "not what its suffix says", "its first bytes"),
    ("inspect empty.onnx", "not what its suffix says", "it is empty"),
    ("inspect disguised.tflite", "not what its suffix says", "they look like onnx"),
    ("inspect cut.onnx", "not an ONNX file, or a damaged one", "why:"),
    ("bench", "missing argument", "FILES"),
    ("bench nowhere.tflite", "there is no file nowhere.tflite", "path"),
    ("bench fake.tflite --tier brif", "unknown tier 'brif'", "'brief'"),
    ("bench fake.tflite --device hots", "unknown device 'hots'", "'host'"),
    (
        "--plugin nowhere.py list",
        "nowhere.py: no such file",
        "a Python file or a package with a zoo hook",
    ),
    ("--plugin hollow list", "has no .py file", "a Python file or a package with a zoo hook"),
    ("ship cut.safetensors --data digits", "are truncated or altered", "SHA-256 is"),
    ("export cut.safetensors", "are truncated or altered", "the card says"),
    ("ship bare.safetensors --data digits", "the weights have no card bare.toml", "keep the .toml"),
    ("info strange.safetensors", "the variant 'lenet99', which nothing provides", "zoo --plugin"),
    ("info torn.safetensors", "the card torn.toml is wrong at 'tag'", "torn.toml"),
    ("info garbled.safetensors", "the card garbled.toml cannot be read", "fix: restore it"),
    ("export tagger.safetensors", "'lstm_small, as tagger.toml says'", "zoo list"),
]


@pytest.mark.parametrize(("line", "wrong", "right"), WRONG, ids=[line for line, *_ in WRONG])
def test_wrong_input(line, wrong, right, zoo):
    typed = zoo(*shlex.split(line))
    assert typed.code == 2
    assert typed.out == ""
    assert wrong in typed.err
    assert right in typed.err
    assert "Traceback" not in typed.err


@pytest.mark.parametrize(("line", "wrong", "right"), WRONG, ids=[line for line, *_ in WRONG])
def test_wrong_input_as_json(line, wrong, right, zoo):
    typed = zoo(*shlex.split(line), "--json")
    assert typed.code == 2
    assert typed.err == ""
    error = typed.json["error"]
    assert set(error) == {"type", "what", "why", "fix"}
    told = "\n".join(f"{name}: {text}" for name, text in error.items() if text)
    assert wrong in told
    assert right in told or "--help` describes the options" in told


#: Datasets that cannot be used, with what is said of them.
UNUSABLE = {
    "folder:one": ("holds only one class: a", "at least two classes"),
    "folder:none": ("holds no class folders", "a folder of its own"),
    "folder:unfilled": ("the class folder a holds no images", "add images"),
    "folder:broken": ("10 of 20 images are broken", "a/0.png"),
    "folder:small": ("class 'a' has 2 distinct examples, but needs 3", "add examples"),
    "npz:nan.npz": ("x_train holds nan at index (0, 0, 0, 0)", "finite"),
    "npz:negative.npz": ("y_train holds -3 at index 0", "from 0"),
    "npz:beyond.npz": ("class 10 has no training examples", "1000 classes are expected, 10 occur"),
    "npz:halves.npz": ("is image-classification; the dataset serves regression",),
    "npz:uneven.npz": ("y_train has 9 labels for 20 examples", "one label per example"),
    "npz:nameless.npz": ("x_train is missing", "the file holds a, b"),
    "npz:text.npz": ("truncated or not an .npz file", "numpy.savez"),
    "fashion_mnist": ("lacks train-images-idx3-ubyte.gz", "ZOO_FASHION_MNIST names that folder"),
}


@pytest.fixture
def datasets(monkeypatch) -> None:
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)

    def picture(path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(random.integers(0, 255, (8, 8), dtype=np.uint8)).save(path)

    for number in range(10):
        picture(f"one/a/{number}.png")
        for name in "ab":
            picture(f"broken/{name}/{number}.png")
    for number in range(2):
        for name in "ab":
            picture(f"small/{name}/{number}.png")
    for number in range(5):
        for name in "ab":
            Path(f"broken/{name}/{number}.png").write_bytes(b"no picture")
    for name in ("none", "unfilled/a", "unfilled/b", "empty"):
        Path(name).mkdir(parents=True)
    Path("text.npz").write_text("hello")
    x, y = random.random((20, 8, 8, 1), dtype=np.float32), np.arange(20) % 10
    given = {"x_train": x, "y_train": y, "x_test": 1 - x, "y_test": y}
    hole = x.copy()
    hole[0, 0, 0, 0] = np.nan
    np.savez("nan.npz", **{**given, "x_train": hole})
    np.savez("negative.npz", **{**given, "y_train": y - 3})
    np.savez("beyond.npz", **{**given, "y_test": y + 990})
    np.savez("halves.npz", **{**given, "y_train": y + 0.5})
    np.savez("uneven.npz", **{**given, "y_train": y[:9]})
    np.savez("nameless.npz", a=x, b=y)
    monkeypatch.setenv("ZOO_FASHION_MNIST", "empty")


@pytest.mark.parametrize("data", UNUSABLE)
def test_unusable_dataset(data, datasets, zoo, judged_file):
    """Seen through a file, which is evaluated without any training library."""
    typed = zoo("evaluate", judged_file, "--data", data)
    assert typed.code == 2
    assert typed.out == ""
    for part in UNUSABLE[data]:
        assert part in typed.err
    assert "Traceback" not in typed.err


def test_missing_dataset_is_told_before_anything_is_started(datasets, zoo):
    typed = zoo("ship", "lenet5", "--data", "fashion_mnist")
    assert typed.code == 2
    assert typed.err.startswith("error: empty lacks train-images")
