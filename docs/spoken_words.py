"""Makes a data set of spoken words with the voices of espeak-ng; `wav:` reads it.

    python docs/spoken_words.py words  # 3,200 sounds, 103 MB, a few minutes

The ten words of MLPerf Tiny's keyword spotting, `_unknown_` (other words) and `_silence_` (noise).
Of six voices four are for training, one for validation and one for test, each with all that it
says. Files are named as in Speech Commands, the voice first. The same call makes the same files,
byte for byte, with the same version of espeak-ng.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.readers.sound_files import fitted_sound
from zoo.data.readers.wave_files import Sound, decode

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
    *("backward", "forward", "follow", "learn", "visual", "water", "window", "table", "music"),
)
SILENCE, UNKNOWN = "_silence_", "_unknown_"
#: Variants of espeak-ng, each a voice; those that differ little are one (`robosoft2`, `robosoft3`).
VOICES = (
    *("adam", "Alex", "Alicia", "Andrea", "Andy", "Annie", "antonio", "aunty", "belinda"),
    *("benjamin", "boris", "caleb", "david", "Denis", "Diogo", "ed", "edward", "gene", "gustave"),
    *("Henrique", "Hugo", "iven", "Jacky", "john", "kaukovalta", "Lee", "linda", "marcelo"),
    *("Marco", "Mario", "max", "Michael", "michel", "Miguel", "mike", "Nguyen", "pablo", "paul"),
    *("pedro", "quincy", "rob", "robert", "robosoft", "steph", "Storm", "travis", "victor", "zac"),
    *("anika", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "klatt", "m1", "m2", "m3", "m4"),
    *("m5", "m6", "m7", "m8", "norbert", "sandro", "shelby"),
)
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc", "en-029")
#: Of each voice, in turn.
SPLITS = ("train", "train", "validation", "train", "test", "train")
RATE, SAMPLES = 16_000, 16_000

Samples = NDArray[np.float64]


def main() -> None:
    """Writes the folder that was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--voices", type=int, default=len(VOICES), help="so many of them")
    parser.add_argument("--takes", type=int, default=4, help="of each word by each voice")
    parser.add_argument("--words", nargs="+", default=WORDS, choices=WORDS)
    given = parser.parse_args()
    jobs = list(takes(given.words, VOICES[: given.voices], given.takes))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda job: write(given.folder, *job), jobs):
            pass
    print(f"{len(jobs):,} sounds of {given.voices} voices in {given.folder}")


def takes(words: Any, voices: Any, count: int) -> Iterator[tuple[str, str, str, int]]:
    """Class, word, voice and number of each sound."""
    for voice_number, voice in enumerate(voices):
        for take in range(count):
            yield from ((word, word, voice, take) for word in words)
            place = (voice_number * count + take) % len(OTHERS)
            yield UNKNOWN, OTHERS[place], voice, take
            yield SILENCE, "", voice, take


def write(folder: Path, name: str, word: str, voice: str, take: int) -> None:
    """One file: the word at a place, level, speed and pitch of its own, in noise."""
    key = [VOICES.index(voice), take, *f"{name}/{word}".encode()]
    random = np.random.default_rng(key)
    sound = noise(random)
    sound *= 10 ** random.uniform(-3.5, -1.2) / np.sqrt(np.mean(sound**2))
    if word:
        spoken = speech(word, voice, random)
        level = 10 ** random.uniform(-1.0, -0.15) / np.abs(spoken).max()
        # At least 6 dB between the word and the noise.
        sound *= min(1.0, 0.5 * level * np.sqrt(np.mean(spoken**2)) / np.sqrt(np.mean(sound**2)))
        start = int(random.integers(0, SAMPLES - len(spoken) + 1))
        sound[start : start + len(spoken)] += level * spoken
    values = np.clip(np.rint(sound * 32767), -32768, 32767).astype("<i2")
    split = SPLITS[VOICES.index(voice) % len(SPLITS)]
    path = folder / split / name / f"{voice}_nohash_{take}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, SAMPLES, "NONE", ""))
        file.writeframes(values.tobytes())


def speech(word: str, voice: str, random: np.random.Generator) -> Samples:
    """What espeak-ng says, without silence around it, a second at most."""
    accent = ACCENTS[int(random.integers(len(ACCENTS)))]
    speed, pitch = int(random.integers(120, 200)), int(random.integers(25, 76))
    command = ["espeak-ng", "-v", f"{accent}+{voice}", "-s", str(speed), "-p", str(pitch)]
    made = subprocess.run([*command, "--stdout", word], capture_output=True, check=True).stdout
    sound = decode(made)
    loud = np.flatnonzero(np.abs(sound.samples) > 0.01 * np.abs(sound.samples).max())
    kept = sound.samples[loud[0] : loud[-1] + 1]
    length = min(SAMPLES, int(np.ceil(len(kept) * RATE / sound.rate)))
    own = Sound(samples=kept, rate=sound.rate, channels=1)
    return fitted_sound(own, RATE, length).astype(np.float64)


def noise(random: np.random.Generator) -> Samples:
    """Noise whose power falls with frequency by an exponent of its own; often with a hum."""
    spectrum = np.fft.rfft(random.normal(size=SAMPLES))
    frequency = np.maximum(np.fft.rfftfreq(SAMPLES, 1 / RATE), 20.0)
    sound = np.fft.irfft(spectrum * frequency ** -random.uniform(0, 1.2), SAMPLES)
    sound /= np.sqrt(np.mean(sound**2))
    if random.uniform() < 0.4:
        tone = random.uniform(50, 400) * np.arange(1, 5)
        time = np.arange(SAMPLES)[:, None] / RATE
        hum = np.sin(2 * np.pi * (tone * time + random.uniform(size=4))) / np.arange(1, 5)
        sound += random.uniform(0.2, 2.0) * hum.sum(axis=1)
    return np.asarray(sound)


if __name__ == "__main__":
    main()
