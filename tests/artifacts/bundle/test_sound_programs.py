"""Programs of a bundle make of a sound what the zoo makes of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import runnable, write_programs

from zoo.contracts import SoundPreprocessing, UsageRequest
from zoo.data.preprocessing.sounds import features
from zoo.data.preprocessing.waveforms import front_end_of
from zoo.data.readers.sound_files import read_sound

pytest.importorskip("jinja2")

SOUNDS = Path(__file__).parents[2] / "support" / "sounds"
RECORDS = {
    "mel": SoundPreprocessing(),
    "coefficients": SoundPreprocessing(coefficients=10),
    # No power of two, frames that overlap by half, another rate, a band that begins at 0 Hz.
    "odd": SoundPreprocessing(
        rate=8000, samples=6000, frame=200, hop=100, bands=17, low=0.0, high=3900.0, floor=1e-3
    ),
}
#: How far values may be apart, in units of a logarithm: of double, and of float.
DOUBLE, FLOAT = 2e-5, 2e-3
PYTHON = """
import sys
sys.path.insert(0, "python")
import run
for path in sys.argv[1:]:
    sys.stdout.buffer.write(run.read_sound(path).tobytes())
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { features, fitted, wavSamples } from "./javascript/sound.mjs";
for (const path of process.argv.slice(2)) {
  const own = readFileSync(path);
  const bytes = own.buffer.slice(own.byteOffset, own.byteOffset + own.byteLength);
  process.stdout.write(new Uint8Array(features(fitted(wavSamples(bytes))).buffer));
}
"""
#: What a file takes that computes all else itself.
TAKEN = "fitted(wavSamples(bytes))"
CPP = """
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::vector<float> values = ReadSound(argv[i]);
    std::fwrite(values.data(), sizeof(float), values.size(), stdout);
  }
}
"""
C = """
#include <stdio.h>
#include "cpp/sound.h"
static Sound sound;
static float samples[kSoundSamples], values[kSoundFrames * kSoundValues];
int main(void) {
  sound_prepare(&sound);
  while (fread(samples, sizeof(float), kSoundSamples, stdin) == kSoundSamples) {
    sound_features(&sound, samples, values);
    fwrite(values, sizeof(float), kSoundFrames * kSoundValues, stdout);
  }
  return 0;
}
"""


def speech(record: SoundPreprocessing, folder: Path) -> list[Path]:
    """Spoken words at the record's rate: as long as it takes, longer, and shorter."""
    import wave

    made = []
    for number, file in enumerate(sorted(SOUNDS.glob("*.wav"))):
        samples = read_sound(file, record.rate, record.rate)
        whole = np.rint(samples * 32767).astype("<i2")
        longer, shorter = np.tile(whole, 3), whole[2000:5001]
        for kind, own in {"whole": whole, "longer": longer, "shorter": shorter}.items():
            path = folder / f"{kind}_{number}.wav"
            with wave.open(str(path), "wb") as sound:
                sound.setparams((1, 2, record.rate, len(own), "NONE", ""))
                sound.writeframes(own.tobytes())
            made.append(path)
    return made


@pytest.fixture(scope="module", params=RECORDS)
def bundled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path], SoundPreprocessing]:
    """A folder with programs, sounds, and the record that both are of."""
    record = RECORDS[request.param]
    made = tmp_path_factory.mktemp(request.param)
    folder = write_programs(made, record, (2,), "choice", ("a", "b"))
    return folder, speech(record, folder), record


def apart(made: bytes, paths: list[Path], record: SoundPreprocessing) -> float:
    """The largest difference from the zoo's own values."""
    given = [read_sound(path, record.rate, record.samples) for path in paths]
    right = np.stack([features(samples, record) for samples in given])
    found = np.frombuffer(made, np.float32).reshape(right.shape)
    return float(np.abs(found - right).max())


def output(folder: Path, *command: str | Path, given: bytes = b"") -> bytes:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


Bundled = tuple[Path, list[Path], SoundPreprocessing]


def test_the_python_program_hears_what_the_zoo_hears(bundled: Bundled) -> None:
    pytest.importorskip("onnxruntime")
    folder, paths, record = bundled
    assert apart(output(folder, sys.executable, "-c", PYTHON, *paths), paths, record) <= DOUBLE


def test_the_python_program_says_what_it_cannot_read(bundled: Bundled, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder, paths, _ = bundled
    sound = paths[0].read_bytes()
    float_samples = sound[:20] + b"\x03\x00" + sound[22:]
    for content, told in (
        (float_samples, "unknown format: 3"),
        (b"OggS" + sound[4:], "does not start with RIFF"),
        (sound[:30], "not read here"),
        (sound[:-501], "empty or cut off"),
        (sound[:40] + bytes(4), "empty or cut off"),
    ):
        path = tmp_path / "a.wav"
        path.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-c", PYTHON, path], cwd=folder, capture_output=True, check=False
        )
        assert done.returncode == 1
        assert told in done.stderr.decode()
        assert "Traceback" not in done.stderr.decode()


def test_the_javascript_program_hears_what_the_zoo_hears(bundled: Bundled) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    folder, paths, record = bundled
    (folder / "hear.mjs").write_text(JAVASCRIPT)
    assert apart(output(folder, node, "hear.mjs", *paths), paths, record) <= DOUBLE


def test_the_cpp_program_hears_what_the_zoo_hears(
    bundled: Bundled, compiled: Callable[..., Path]
) -> None:
    folder, paths, record = bundled
    (folder / "hear.cpp").write_text(CPP)
    assert apart(output(folder, compiled(folder, "hear.cpp"), *paths), paths, record) <= DOUBLE


@pytest.mark.parametrize(("real", "limit"), [("double", DOUBLE), ("float", FLOAT)])
def test_the_header_in_c_hears_what_the_zoo_hears(
    bundled: Bundled, real: str, limit: float
) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no compiler")
    folder, paths, record = bundled
    (folder / "hear.c").write_text(C)
    strict = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
    built = subprocess.run(
        [compiler, *strict, f"-DSOUND_REAL={real}", "hear.c", "-o", f"hear_{real}", "-lm"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr.decode()
    given = b"".join(read_sound(path, record.rate, record.samples).tobytes() for path in paths)
    found = apart(output(folder, folder / f"hear_{real}", given=given), paths, record)
    assert found <= limit


def test_programs_of_files_that_take_samples_read_what_the_zoo_reads(
    tmp_path: Path, compiled: Callable[..., Path]
) -> None:
    pytest.importorskip("onnxruntime")
    record = front_end_of(RECORDS["odd"]).preprocessing
    folder = write_programs(tmp_path / "bundle", record, (2,), "choice", ("a", "b"))
    (folder / "hear.mjs").write_text(
        JAVASCRIPT.replace("features, ", "").replace("features(fitted(wavSamples(bytes)))", TAKEN)
    )
    (folder / "hear.cpp").write_text(CPP)
    assert not (folder / "cpp" / "sound.h").exists()
    paths = speech(RECORDS["odd"], folder)
    given = [read_sound(path, RECORDS["odd"].rate, RECORDS["odd"].samples) for path in paths]
    programs = runnable(folder, "hear", PYTHON, compiled)
    assert len(programs) > 1
    for language, program in programs.items():
        found = np.frombuffer(output(folder, *program, *paths), np.float32)
        np.testing.assert_allclose(
            found.reshape(len(given), -1), given, rtol=0, atol=1e-7, err_msg=language
        )


def test_another_window_would_be_noticed(bundled: Bundled) -> None:
    folder, paths, record = bundled
    path = folder / "javascript" / "sound.mjs"
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    text = path.read_text()
    (folder / "hear.mjs").write_text(JAVASCRIPT)
    try:
        path.write_text(text.replace("/ FRAME)", "/ (FRAME - 1))"))
        assert path.read_text() != text
        assert apart(output(folder, node, "hear.mjs", *paths), paths, record) > DOUBLE
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("kind", "reader"), [("image", "pillow"), ("sound", "scipy"), ("rows", "")]
)
def test_a_python_program_needs_what_reads_its_inputs(kind: str, reader: str) -> None:
    from zoo.exporters.shared.usage_code import python_needs

    facts = {"preprocessing": {"kind": kind}}
    request = UsageRequest(model=Path("a.onnx"), facts=facts, operators={}, target="")
    told = python_needs("`pip install onnxruntime`", request)
    assert told.startswith("`pip install onnxruntime`")
    assert [name for name in ("pillow", "scipy") if name in told] == [reader] * bool(reader)
