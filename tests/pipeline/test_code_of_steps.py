"""A changed line in any file that a step can reach changes its key; other files leave it alone."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.artifacts.gate import compare_outputs
from zoo.artifacts.reference_outputs import comparison_split
from zoo.benchmark.interleaving import CandidateState
from zoo.benchmark.noise import disturbances
from zoo.common import code_fingerprint
from zoo.common.code_fingerprint import PACKAGES, SourceTree, installed
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.steps.step import Step
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.training.trainer import Trainer

#: The folders of the product in a checkout.
FOLDERS = {"zoo": "zoo", **{package: package.partition(".")[2] for package in PACKAGES[1:]}}
ROOT = Path(zoo.__file__).parents[1]


@dataclass
class Copy:
    """A copy of the product's code, and a job's steps as if it were installed."""

    root: Path
    registry: Registry
    steps: dict[str, Step[Any]] = field(default_factory=dict)
    parsed: SourceTree | None = None
    found: dict[tuple[str, ...], frozenset[Path]] = field(default_factory=dict)

    def tree(self, *changed: Path) -> SourceTree:
        """The code as it is now; only files that changed are read again."""
        tree = SourceTree({name: self.root / folder for name, folder in FOLDERS.items()})
        if self.parsed is not None:
            tree._edges = self.parsed._edges
            known = self.parsed._rows.items()
            tree._rows = {path: row for path, row in known if path not in changed}
            if changed:
                tree.files = self.files  # type: ignore[method-assign]
        self.parsed = self.parsed or tree
        return tree

    def files(self, modules: list[str], plugins: list[Any]) -> frozenset[Path]:
        """What is reached, found once: comments import nothing."""
        key = (*modules, *(str(plugin.source_file) for plugin in plugins))
        if key not in self.found:
            self.found[key] = self.tree().files(modules, plugins)
        return self.found[key]

    def reached(self, step: Step[Any]) -> frozenset[Path]:
        return self.tree().files([type(step).__module__], step.plugins)

    def codes(self, *changed: Path) -> dict[str, str]:
        """The code of each step, anew."""
        tree = self.tree(*changed)
        return {
            name: tree.fingerprint([type(step).__module__], step.plugins)
            for name, step in self.steps.items()
        }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("product")
    unread = shutil.ignore_patterns("weights", "probes", "integer_probes", "__pycache__")
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, root / folder, ignore=unread)
    registry = load_registry(PluginSettings(installed=False))
    for plugin in registry.plugins:
        if plugin.source_file is not None:
            plugin.source_file = str(root / Path(plugin.source_file).relative_to(ROOT))
    recipe = recipe_from(model="lenet5", data="digits", from_scratch=True, qat=True)
    recipe = recipe.model_copy(update={"budgets": {"host": {"size": "1MB"}}})
    made = Copy(root=root, registry=registry)
    plan = make_plan(make_job(recipe, registry), root, PlanScope())
    # Files of one format whose ranges are trained run the same code.
    made.steps = {s.name: s for s in plan if not (s.id.trained and s.id.format)}
    return made


def test_a_step_asks_for_the_code_that_is_installed(copy: Copy, monkeypatch: Any) -> None:
    step = copy.steps["bench tflite int8 host"]
    assert step.code != "", "of this checkout"
    monkeypatch.setattr(code_fingerprint, "installed", copy.tree)
    assert type(step).code.func(step) == copy.codes()[step.name]
    assert installed() is not copy.parsed


def test_every_line_that_a_step_can_reach_decides_its_key(copy: Copy) -> None:
    reached = {name: copy.reached(step) for name, step in copy.steps.items()}
    before = copy.codes()
    for path in sorted(frozenset().union(*reached.values())):
        text = path.read_bytes()
        path.write_bytes(text + b"\n# another line\n")
        after = copy.codes(path)
        path.write_bytes(text)
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {name for name in reached if path in reached[name]}, path
    assert copy.codes() == before


def where(thing: Any) -> str:
    return str(Path(inspect.getfile(thing)).relative_to(ROOT))


def test_what_decides_is_reached(copy: Copy) -> None:
    deciders = {
        "finetune": [where(Trainer), "plugins/lenet.py"],
        "evaluate keras": [where(comparison_split)],
        "export tflite int8": [where(calibration_inputs), "exporters/tflite/export.py"],
        "export onnx int8": ["exporters/onnx/quantization.py"],
        "gate tflite int8": [where(comparison_split), where(compare_outputs)],
        "bench tflite int8 host": [
            *(where(CandidateState), where(disturbances), "devices/local/host.py"),
            "devices/agent/zoo_agent/timing.py",
        ],
    }
    for name, files in deciders.items():
        reached = {str(path.relative_to(copy.root)) for path in copy.reached(copy.steps[name])}
        assert set(files) <= reached, name


def test_faces_decide_nothing(copy: Copy) -> None:
    for name, step in copy.steps.items():
        rooms = {path.relative_to(copy.root).parts[:2] for path in copy.reached(step)}
        for room in ("cli", "report", "api", "testing"):
            assert ("zoo", room) not in rooms, name


@pytest.mark.parametrize(
    ("folder", "touched"),
    [
        ("exporters/onnx", "onnx"),
        ("exporters/tflite", "tflite"),
        ("devices/ssh", "no step of these"),
        ("devices/adb", "no step of these"),
    ],
)
def test_what_belongs_to_others_leaves_a_step_alone(copy: Copy, folder: str, touched: str) -> None:
    before = copy.codes()
    files = sorted((copy.root / folder).rglob("*.py"))
    texts = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(texts[path] + b"\n# a comment\n")
    after = copy.codes(*files)
    for path in files:
        path.write_bytes(texts[path])
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if touched in name and "budget" not in name}
