"""What tests of a whole run share: a place in which its commands are typed, and what they say."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIP = ("ship", "lenet5", "--data", "digits", "--epochs", "2")


CELLS = [(f, p) for f in ("onnx", "tflite") for p in ("float32", "int8")]


FILES = [f"lenet5.digits.{p}.{f}" for f, p in CELLS]


STEPS = {
    *("finetune", "evaluate keras"),
    *(f"{kind} {f} {p}" for kind in ("export", "gate") for f, p in CELLS),
    *(f"bench {f} {p} host" for f, p in CELLS),
}


#: Exporters that go wrong in different ways, in one file that ``--plugin`` takes.
ODD = '''
import os, signal, time
from dataclasses import replace
from pathlib import Path

import zoo
from zoo.exporters import tflite
from zoo.exporters.tflite.export import export


def garbled(request):
    """Exports other weights than it was given."""
    import numpy as np
    random = np.random.default_rng(0)
    for variable in request.model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    export(request)


def crash(request):
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(request):
    raise RuntimeError("this converter does not like Mondays")


def idle(request):
    pass


def hang(request):
    Path(os.environ["HANGS"]).write_text(str(os.getpid()))
    time.sleep(600)


@zoo.hookimpl
def zoo_exporters():
    (real,) = tflite.zoo_exporters()
    for export in (garbled, crash, refuse, idle, hang):
        name = export.__name__
        mine = {"name": name, "suffix": f".{name}", "export": export}
        yield replace(real, precisions=("float32",), mixes=(), **mine)
'''


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def done(self) -> set[str]:
        """The steps that were done, rather than found."""
        return set(re.findall(r"^[✓✗] (.+?)  \d", self.err, re.MULTILINE)) - {"report"}


@dataclass(frozen=True)
class Place:
    """A home, a folder in which commands are typed, and one for their temporary files."""

    home: Path
    folder: Path

    @property
    def temporary(self) -> Path:
        # The path of a socket has room for 100 letters, and pytest's folders are long.
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir(), f"ship-{name}")
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def environment(self) -> dict[str, str]:
        own = {"ZOO_HOME": str(self.home), "TMPDIR": str(self.temporary)}
        return {**os.environ, **own, "ZOO_OFFLINE": "1"}

    def python(self, *arguments: str | Path) -> Typed:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def zoo(self, *arguments: str | Path) -> Typed:
        return self.python("-m", "zoo", *arguments)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.iterdir()}


@dataclass(frozen=True)
class Shipped:
    """The run that most tests look at."""

    typed: Typed
    folder: Path

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        steps = json.loads((self.folder / "records.json").read_text(encoding="utf-8"))
        return {step["step"]: step for step in steps}
