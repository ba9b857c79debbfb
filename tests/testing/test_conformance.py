"""Each check of the kit passes a good network, and catches the fault that it is there for."""

from __future__ import annotations

import unittest

import pytest

from zoo.common.errors import UnknownName
from zoo.contracts import SeriesPreprocessing, TokenPreprocessing
from zoo.contracts.task import Metric
from zoo.registry import PluginSettings, load_registry
from zoo.testing import (
    CHECKS,
    Conformance,
    Nonconformance,
    check_variant,
    conformance_checks,
    light_checks,
)
from zoo.testing.exports import choose_data, train
from zoo.testing.verdict import NotTried

#: Making TensorFlow deterministic cannot be taken back, so this one has a process of its own.
IN_PROCESS = [check.name for check in CHECKS if check.name != "seed"]

DEAD = """
    x = layers.Flatten()(inputs)
    y = layers.Rescaling(0.0)(layers.Dense(4, name="dead")(x))
    return layers.Dense(classes, name="head")(layers.Concatenate()([x, y]))
"""
HEADLESS = """
    return layers.Dense(classes, name="classifier")(layers.Flatten()(inputs))
"""
BACKBONE_KNOWS_CLASSES = """
    x = layers.Dense(classes)(layers.Flatten()(inputs))
    return layers.Dense(classes, name="head")(x)
"""
HEAD_WITHOUT_WEIGHTS = """
    x = layers.Conv2D(classes, 1)(inputs)
    return layers.GlobalAveragePooling2D(name="head")(x)
"""
MIXES_THE_BATCH = """
    class Mix(layers.Layer):
        def call(self, x):
            return x - keras.ops.mean(x, axis=0, keepdims=True)
    return layers.Dense(classes, name="head")(Mix()(layers.Flatten()(inputs)))
"""
NOT_FINITE = """
    x = layers.Flatten()(inputs)
    return layers.Dense(classes, name="head")(x / 0.0)
"""
ENDS_IN_SOFTMAX = """
    return layers.Dense(classes, activation="softmax", name="head")(layers.Flatten()(inputs))
"""
BLIND = """
    x = layers.Rescaling(0.0)(layers.Flatten()(inputs))
    return layers.Dense(classes, name="head")(x)
"""
DRAWS_A_CONSTANT = """
    import random
    x = layers.Rescaling(random.SystemRandom().uniform(0.1, 9.0))(layers.Flatten()(inputs))
    return layers.Dense(classes, name="head")(x)
"""
DRAWS_WEIGHTS = """
    import random
    seed = random.SystemRandom().randrange(1 << 30)
    start = keras.initializers.RandomNormal(seed=seed)
    return layers.Dense(classes, name="head", kernel_initializer=start)(layers.Flatten()(inputs))
"""
CHANGES_WHEN_FROZEN = """
    class Counting(layers.Layer):
        def build(self, shape):
            self.count = self.add_weight(shape=(1,), trainable=False, name="count")
        def call(self, x, training=None):
            if training:
                self.count.assign(self.count + 1.0)
            return x
    x = Counting()(layers.Flatten()(inputs))
    return layers.Dense(classes, name="head")(x)
"""

BROKEN = [
    ("record", {"parameters": 474}, "475 parameters", "parameters=475, multiply_adds=1_728"),
    ("record", {"multiply_adds": 1}, "says 475 and 1", "multiply_adds=1_728"),
    ("gradients", {"body": DEAD}, "dead/kernel, dead/bias", "connect these layers"),
    ("gradients", {"body": BLIND}, "head/kernel", "connect these layers"),
    ("head", {"body": HEADLESS}, "called 'classifier'", 'name="head"'),
    ("head", {"body": HEAD_WITHOUT_WEIGHTS}, "has no weights", "depend on the classes"),
    ("head", {"body": BACKBONE_KNOWS_CLASSES}, "also changes dense", "no layer but the head"),
    ("output", {"body": MIXES_THE_BATCH}, "with its neighbours", "mix examples"),
    ("output", {"body": ENDS_IN_SOFTMAX}, "ends in softmax", "remove the activation"),
    ("output", {"body": NOT_FINITE}, "NaN or infinite", "overflows"),
    ("weights", {"body": DRAWS_A_CONSTANT}, "after saving and loading", "weights of layers"),
    ("new-head", {"body": HEADLESS}, "does not fit", "use weights of this variant"),
    ("new-head", {"body": BACKBONE_KNOWS_CLASSES}, "misshaped", "use weights of this variant"),
    ("new-head", {"body": CHANGES_WHEN_FROZEN}, "also changed", "not trainable"),
    ("overfit", {"body": BLIND}, "of 32 easy examples", "shrink the signal"),
    ("imports", {"top": "import numpy"}, "imports numpy", "into the functions"),
    ("imports", {"top": "import os; import wave, sqlite3, scipy"}, "scipy", "into the functions"),
    (
        "info",
        {"more": ", hyperparameters={'act': len}"},
        "not JSON: hyperparameters.act",
        "use text",
    ),
    (
        "info",
        {"more": ", hyperparameters={'scale': float('nan')}"},
        "not JSON: hyperparameters.scale",
        "use text",
    ),
]


@pytest.mark.parametrize("check", IN_PROCESS)
def test_a_good_network_passes(check, registry) -> None:
    verdict = Conformance(registry(), "small8", isolated=False).check(check)
    assert verdict.status == "passed", verdict
    assert verdict.measured
    assert verdict.fix == ""


@pytest.mark.parametrize(
    ("check", "fault", "measured", "fix"),
    BROKEN,
    ids=[f"{check}-{number}" for number, (check, *_) in enumerate(BROKEN)],
)
def test_a_broken_network_fails_and_is_told_why(check, fault, measured, fix, registry) -> None:
    verdict = Conformance(registry(**fault), "small8", isolated=False).check(check)
    assert verdict.status == "failed", verdict
    assert measured in verdict.measured
    assert fix in verdict.fix


@pytest.mark.parametrize(
    ("body", "measured"),
    [
        ("    raise LookupError('no such layer')\n", "LookupError: no such layer"),
        ("    return inputs\n", "returns shape (8, 8, 1) for 3 classes"),
    ],
)
def test_what_cannot_be_built_fails_once(body, measured, registry) -> None:
    verdicts = Conformance(registry(body), "small8", isolated=False).run()
    by_name = {verdict.check: verdict for verdict in verdicts}
    assert measured in by_name["build"].measured
    assert [v.check for v in verdicts if v.status == "failed"] == ["build"]
    assert [v.check for v in verdicts if v.status == "passed"] == ["imports", "info"]
    assert by_name["record"].measured == "not tried: the network cannot be built"
    assert by_name["train"].status == "skipped"


def test_a_network_that_cannot_be_built_fails_any_single_check(registry) -> None:
    kit = Conformance(
        registry("    raise LookupError('no such layer')\n"), "small8", isolated=False
    )
    verdict = kit.check("record")
    assert verdict.status == "failed"
    assert "'small'" in verdict.measured


def test_a_layer_that_raises_when_it_is_used_costs_its_check(registry) -> None:
    body = """
    class Late(layers.Layer):
        def call(self, x, training=None):
            if training:
                raise LookupError("too late")
            return x
    return layers.Dense(classes, name="head")(Late()(layers.Flatten()(inputs)))
"""
    verdict = Conformance(registry(body), "small8").check("gradients")
    assert verdict.status == "failed"
    assert "too late" in verdict.measured


@pytest.mark.parametrize("body", [DRAWS_A_CONSTANT, DRAWS_WEIGHTS], ids=["constant", "weights"])
def test_a_build_that_draws_numbers_of_its_own_is_caught(body, registry) -> None:
    path = registry(body).settings.paths[0]
    with pytest.raises(Nonconformance, match="two builds under one seed") as caught:
        check_variant("small8", "seed", plugins=[path])
    assert "initializers" in str(caught.value)


def test_a_good_build_is_reproducible(registry) -> None:
    path = registry().settings.paths[0]
    verdict = check_variant("small8", "seed", plugins=[path])
    assert verdict.measured == "4 tensors, bit by bit"


def test_a_crash_in_native_code_costs_one_check(registry) -> None:
    body = """
    import os, signal
    os.kill(os.getpid(), signal.SIGSEGV)
"""
    verdicts = Conformance(registry(body), "small8").run(["info", "build", "record"])
    assert [v.status for v in verdicts] == ["passed", "failed", "skipped"]
    assert "SIGSEGV" in verdicts[1].measured


def test_the_lists_of_checks(registry) -> None:
    names = conformance_checks(registry())
    assert names[:3] == ("imports", "info", "build")
    assert {"export-tflite-float32", "export-tflite-int8", "export-onnx-int8"} <= set(names)
    assert not [name for name in names if "int4" in name]
    assert len(set(names)) == len(names)
    assert set(light_checks()) < set(names)
    assert not {"overfit", "train"} & set(light_checks())


def test_unknown_names_are_told(registry) -> None:
    kit = Conformance(registry(), "small8", isolated=False)
    with pytest.raises(UnknownName, match="unknown check 'recrod'") as caught:
        kit.check("recrod")
    assert "'record'" in str(caught.value)
    with pytest.raises(UnknownName, match="unknown model 'small8'") as caught:
        check_variant("small8", "record")
    assert "pip install --editable ." in str(caught.value)


def test_a_failure_is_a_failed_test_and_an_impossible_check_a_skipped_one(registry) -> None:
    path = registry("    return inputs\n").settings.paths[0]
    with pytest.raises(AssertionError, match="returns shape"):
        check_variant("small8", "build", plugins=[path])
    with pytest.raises(unittest.SkipTest, match="cannot be built"):
        check_variant("small8", "head", plugins=[path])


def test_data_is_chosen_by_task(registry) -> None:
    found = registry()
    task = found.tasks.get(found.variant("small8")[1].task)
    pixels = found.variant("small8")[1].preprocessing
    assert choose_data(found, task, None, pixels) == "digits"
    assert choose_data(found, task, "folder:photos", pixels) == "folder:photos"
    sequences = found.tasks.get("sequence-classification")
    assert choose_data(found, sequences, None, SeriesPreprocessing(steps=9, channels=2)) == (
        "digits_rows"
    )
    anomalies, series = (
        found.tasks.get("anomaly-detection"),
        SeriesPreprocessing(steps=8, channels=8),
    )
    assert choose_data(found, anomalies, None, pixels) == "digits_one_class:0"
    assert choose_data(found, anomalies, None, series) == "digits_columns_one_class:0"
    with pytest.raises(NotTried, match="sequence-classification with tokens"):
        choose_data(found, sequences, None, TokenPreprocessing(length=9, size=9))
    stranger = type("Stranger", (), {"name": "image-painting", "datasets_of": ()})
    with pytest.raises(NotTried, match="no dataset serves the task image-painting"):
        choose_data(found, stranger, None, pixels)


@pytest.mark.parametrize(("best", "passed"), [(0.99, True), (0.7, False)])
def test_what_is_no_accuracy_is_compared_with_an_untrained_network(
    best, passed, monkeypatch, tmp_path
) -> None:
    """Nine of ten examples are anomalies: that share is no limit to an area under a curve."""
    asked = []

    def measured(registry, variant, data, epochs, folder, emit):
        asked.append(epochs)
        value = {0: 0.6, 5: 0.65, 20: best}[epochs]
        return folder, Metric(name="AUC", value=value, low=value - 0.1, high=value + 0.1, count=9)

    monkeypatch.setattr("zoo.testing.exports._train_once", measured)
    of = {"data": "digits_one_class:3", "epochs": None, "folder": tmp_path}
    registry = load_registry(PluginSettings(installed=False))
    found = train(registry, "autoencoder_conv", **of, emit=lambda _: None).finding
    assert asked == [5, 0, 20]
    assert found.passed is passed
    assert "after 20 epochs; untrained 0.6" in found.measured
    assert ("no better than the untrained network" in found.measured) is not passed


EXPORTS_BADLY = """
    class Shaped(layers.Layer):
        def call(self, x):
            if x.shape[0] == 1 and not hasattr(x, "numpy"):
                raise ValueError("a batch of one example is not supported")
            return x
    x = layers.Flatten()(inputs)
    x = layers.Dense(32, activation="relu")(x)
    return layers.Dense(classes, name="head")(Shaped()(x))
"""
NEEDS_FOREIGN_OPERATORS = """
    class Unusual(layers.Layer):
        def call(self, x):
            import tensorflow as tf
            return tf.math.igamma(tf.abs(x) + 1.0, tf.abs(x) + 1.0)
    x = layers.Flatten()(inputs)
    x = layers.Dense(32, activation="relu")(x)
    return layers.Dense(classes, name="head")(Unusual()(x))
"""
LEARNS_NOTHING = """
    return layers.Dense(classes, name="head")(layers.Rescaling(0.0)(layers.Flatten()(inputs)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "measured"),
    [(EXPORTS_BADLY, "a batch of one"), (NEEDS_FOREIGN_OPERATORS, "")],
    ids=["shape", "operator"],
)
def test_a_network_that_cannot_be_exported_is_caught(body, measured, registry) -> None:
    kit = Conformance(registry(body), "small8")
    train, exported = kit.run(["train", "export-tflite-float32"])
    assert train.status == "passed", train
    assert exported.status == "failed", exported
    assert measured in exported.measured
    assert exported.fix


@pytest.mark.slow
def test_weights_that_learnt_nothing_decide_nothing(registry) -> None:
    train, exported = Conformance(registry(LEARNS_NOTHING), "small8", epochs=1).run(
        ["train", "export-tflite-float32"]
    )
    assert train.status == "failed"
    assert "no better than always the same answer" in train.measured
    assert exported.status == "skipped"
    assert "decide nothing" in exported.measured
