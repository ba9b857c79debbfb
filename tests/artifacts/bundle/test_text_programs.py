"""Programs of a bundle read texts as the zoo does, whatever the script."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from odd_texts import ODD_TEXTS, random_texts

from tests.support.bundles import DECLARATIONS
from zoo.contracts import Split, TokenPreprocessing, UsageRequest
from zoo.contracts.preprocessing.characters import TextRule
from zoo.data.preprocessing.tokens import Tokens, tokens_of

pytest.importorskip("jinja2")

#: What stands between tokens; it is in no text of this test.
UNIT = "\x1e"
TEXTS = [*ODD_TEXTS, *random_texts(2000)]
RULES: tuple[tuple[str, TextRule, bool], ...] = (
    ("unicode", "unicode", True),
    ("capitals", "unicode", False),
    ("plain", "plain", True),
)
PYTHON = """
import sys
sys.path.insert(0, "python")
import run
for text in sys.stdin.buffer.read().decode().split("\\n")[:-1]:
    shown = [*run.tokens_of(text), *map(str, run.read_text(text).reshape(-1))]
    sys.stdout.buffer.write(("\\x1e".join(shown) + "\\n").encode())
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { textReader } from "./javascript/text.mjs";
const file = (name) => readFileSync(name, "utf8");
const reader = textReader(file("characters.txt"), file("vocabulary.txt"));
for (const text of readFileSync(0, "utf8").split("\\n").slice(0, -1)) {
  process.stdout.write([...reader.tokens(text), ...reader.read(text)].join("\\x1e") + "\\n");
}
"""
CPP = """
#include <iostream>
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main() {
  const TextReader reader("");
  for (std::string text; std::getline(std::cin, text);) {
    const char* between = "";
    for (const std::string& token : reader.Tokens(text)) {
      std::cout << between << token;
      between = "\\x1e";
    }
    for (const auto number : reader.Read(text)) {
      std::cout << between << number;
      between = "\\x1e";
    }
    std::cout << "\\n";
  }
}
"""


#: A runtime whose network says how many words it knows: shares of the two classes, or, of a
#: tagger, class 1 for each word that it knows.
ANSWERING = """
import { readFileSync } from "node:fs";
import { answerTexts, use } from "./javascript/run.mjs";
const known = (data) => Array.from(data, (number) => (number > 1 ? 1 : 0));
const whole = (data) => [0.25, 0.5 + known(data).reduce((a, b) => a + b)];
const create = async () => ({
  run: async ({ tokens }) => ({
    shares: { data: process.argv[2] ? known(tokens).flatMap((k) => [1 - k, k]) : whole(tokens) },
  }),
});
use({ InferenceSession: { create }, Tensor: function (kind, data) { return data; } });
const bytes = async (name) => (name.endsWith("onnx") ? new ArrayBuffer(1) : readFileSync(name));
await answerTexts(bytes, ["It’s 今, cow"]);
"""


def folder_of(
    preprocessing: TokenPreprocessing, folder: Path, *, tags: bool = False, answer: str = ""
) -> Path:
    """What a bundle has beside its model, and the programs of an ONNX file."""
    from zoo.exporters.onnx.usage import usage

    tensor = {"name": "tokens", "shape": [1, preprocessing.length], "dtype": "int32"}
    shape = [1, preprocessing.length, 2] if tags else [1, 2]
    gives = {"name": "shares", "shape": shape, "dtype": "float32", "max_abs": 1e-4}
    answer = answer or ("choices" if tags else "choice")
    output = {**gives, "answer": answer, "scale": None, "zero_point": None}
    facts = {
        "model": {"file": "text.onnx"},
        "input": {**tensor, "raw_dtype": "int32", "scale": None, "zero_point": None},
        "output": output,
        "outputs": [output],
        "answer": answer,
        "preprocessing": asdict(preprocessing),
        "state": {"kept": False, "carried": {}},
        "golden": {"count": 3, "max_abs": 1e-4},
    }
    facts["inputs"] = [facts["input"]]
    request = UsageRequest(model=folder / "text.onnx", facts=facts, operators={}, target="")
    files = usage(request).files
    for name, text in {
        **files,
        "metadata.json": json.dumps(facts),
        "labels.txt": "a\nb\n",
        **{
            f"{name}.txt": "".join(f"{line}\n" for line in lines)
            for name, lines in preprocessing.text_files().items()
        },
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def one_text(text: str) -> Split:
    return Split(labels=np.zeros(1, np.int64), read=lambda _: np.array(text), content_hash="0")


def expected(preprocessing: TokenPreprocessing) -> list[str]:
    rows = []
    for text in TEXTS:
        tokens = tokens_of(np.array(text), preprocessing.lowercase, preprocessing.rule)
        # The zoo refuses a text without anything in it; programs give padding.
        row = [0] * preprocessing.length
        if tokens:
            row = Tokens(preprocessing).read(one_text(text), 0).tolist()
        rows.append(UNIT.join([*tokens, *map(str, row)]))
    return rows


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[str]]:
    """Folders, each by a rule of its own, and what their programs must read in `TEXTS`."""
    found = {}
    for name, rule, lowercase in RULES:
        record = TokenPreprocessing(length=6, size=80, rule=rule, lowercase=lowercase)
        tokens = [t for text in ODD_TEXTS for t in tokens_of(np.array(text), lowercase, rule)]
        record = replace(record, vocabulary=tuple(dict.fromkeys(tokens))[:78])
        folder = folder_of(record, tmp_path_factory.mktemp(name), tags=not lowercase)
        found[folder] = expected(record)
    return found


def answers(folder: Path, *program: str | Path) -> list[str]:
    done = subprocess.run(
        [str(part) for part in program],
        cwd=folder,
        input="".join(f"{text}\n" for text in TEXTS).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split("\n")[:-1]


def different(found: list[str], right: list[str]) -> list[str]:
    assert len(found) == len(right) == len(TEXTS)
    return [
        f"{text!a}: {one!a}, not {other!a}"
        for text, one, other in zip(TEXTS, found, right, strict=True)
        if one != other
    ]


def test_the_python_program_reads_texts_as_the_zoo_does(bundled: dict[Path, list[str]]) -> None:
    pytest.importorskip("onnxruntime")
    for folder, right in bundled.items():
        assert different(answers(folder, sys.executable, "-c", PYTHON), right) == []


def test_the_javascript_program_reads_texts_as_the_zoo_does(
    bundled: dict[Path, list[str]],
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    for folder, right in bundled.items():
        (folder / "read.mjs").write_text(JAVASCRIPT)
        assert different(answers(folder, node, "read.mjs"), right) == []
    whole, tagged, _ = bundled
    for folder, arguments, said in (
        (whole, (), "It’s 今, cow: b (2.5)"),
        (tagged, ("tags",), "It's/b 今/b ,/a cow/a"),
    ):
        (folder / "answer.mjs").write_text(ANSWERING)
        assert answers(folder, node, "answer.mjs", *arguments) == [said]


def test_the_cpp_program_reads_texts_as_the_zoo_does(
    bundled: dict[Path, list[str]], compiled: Callable[..., Path]
) -> None:
    # The tagger's, whose program has more to it.
    _, tagged, _ = bundled
    (tagged / "read.cpp").write_text(CPP)
    program = compiled(tagged, "read.cpp")
    for folder, right in bundled.items():
        assert different(answers(folder, program), right) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [("targets", "a 0.25, b 0.75"), ("labels", "b (75.0%)")],
)
def test_programs_name_targets_and_labels(tmp_path: Path, answer: str, said: str) -> None:
    pytest.importorskip("onnxruntime")
    folder = folder_of(TokenPreprocessing(length=6, size=80), tmp_path, answer=answer)
    asked = (
        "import sys; sys.path.insert(0, 'python'); import numpy, run; "
        "print(run.in_words([numpy.array([[0.25, 0.75]])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == said, done.stderr
    node, compiler = shutil.which("node"), shutil.which("g++")
    if node is not None:
        subprocess.run([node, "--check", "javascript/run.mjs"], cwd=folder, check=True)
    if compiler is not None:
        strict = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")
        subprocess.run(
            [compiler, *strict, "-I", DECLARATIONS, "cpp/run.cpp"], cwd=folder, check=True
        )
