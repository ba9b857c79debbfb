"""SavedModels of TensorFlow 1 come in as data: none of their operators run as they are opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_folders import changed

from zoo.common.errors import BadFile, Unsupported

tf = pytest.importorskip("tensorflow")
pytest.importorskip("keras")
pytest.importorskip("ai_edge_litert")

from zoo.plugins.tflite_files import open_folder  # noqa: E402

Function = Callable[[Any], Any]


def _python(x: Any) -> Any:
    return tf.numpy_function(lambda values: values, [x], tf.float32)


def of_tensorflow_1(folder: Path, ends: Function, *, resources: bool, words: bool = False) -> Any:
    """A SavedModel as TensorFlow 1 wrote them, and its answers to a batch of ones."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        kind = tf.int32 if words else tf.float32
        given = v1.placeholder(kind, (None, 4), name="given")
        keep = v1.placeholder_with_default(1.0, ())
        table = v1.get_variable("table", (9, 3), use_resource=resources)
        kernel = v1.get_variable("kernel", (4, 3), use_resource=resources)
        made = tf.reduce_mean(tf.nn.embedding_lookup(table, given), 1) if words else given @ kernel
        made = ends(made * keep)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": given}, {"scores": made})
        return session.run(made, {given: np.ones((2, 4))})


@pytest.mark.parametrize("resources", [False, True])
def test_tensorflow_1_is_opened_without_running_its_operators(
    tmp_path: Path, resources: bool
) -> None:
    theirs = of_tensorflow_1(tmp_path / "net", tf.nn.softmax, resources=resources)
    assert theirs.std() > 0.01
    network = open_folder(str(tmp_path / "net"))
    assert [(one.name, one.shape) for one in network.inputs] == [("x", (None, 4))]
    assert [one.name for one in network.outputs] == ["scores"]
    batch = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(network.answers(batch), theirs, atol=1e-6)
    np.testing.assert_allclose(network.model(batch), theirs, atol=1e-6)
    words = of_tensorflow_1(tmp_path / "words", tf.nn.relu, resources=resources, words=True)
    np.testing.assert_allclose(
        open_folder(str(tmp_path / "words")).answers(batch), words, atol=1e-6
    )
    # One for training lies beside that for serving.
    both = changed(tmp_path / "net", tmp_path / "both", _with_training)
    np.testing.assert_allclose(open_folder(str(both)).answers(batch), theirs, atol=1e-6)


def test_two_outputs_of_tensorflow_1_from_the_middle_of_its_graph(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    batch = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    with tf.Graph().as_default(), v1.Session() as session:
        middle = v1.placeholder(tf.float32, (None, 4)) * 2.0
        wide = tf.nn.relu(middle @ v1.get_variable("kernel", (4, 3)))
        session.run(v1.global_variables_initializer())
        outputs = {"wide": wide, "all": tf.reduce_sum(wide, 1, keepdims=True)}
        v1.saved_model.simple_save(session, str(tmp_path / "net"), {"x": middle}, outputs)
        theirs = session.run(outputs, {middle: batch})
    network = open_folder(str(tmp_path / "net"))
    assert [one.name for one in network.outputs] == ["all", "wide"]
    for name, made in zip(("all", "wide"), network.model(batch), strict=True):
        np.testing.assert_allclose(made, theirs[name], atol=1e-6)
        np.testing.assert_allclose(network.run({"x": batch})[name], theirs[name], atol=1e-6)


def _with_training(model: Any) -> None:
    model.meta_graphs.add().CopyFrom(model.meta_graphs[0])
    del model.meta_graphs[1].meta_info_def.tags[:]
    model.meta_graphs[1].meta_info_def.tags.append("train")


def _length(x: Any) -> Any:
    return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)


def _counts(x: Any) -> Any:
    counter = tf.compat.v1.get_variable("counter", (), use_resource=True)
    with tf.control_dependencies([counter.assign_add(1.0)]):
        return x + 0.0


def _counts_by_reference(x: Any) -> Any:
    counter = tf.compat.v1.get_variable("counter", (), use_resource=False)
    with tf.control_dependencies([tf.compat.v1.assign_add(counter, 1.0)]):
        return x + 0.0


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        (_length, r"its operator ReadFile .* is refused"),
        (_python, "its operator (Eager)?PyFunc .* is refused"),
        (lambda x: tf.nn.dropout(x, 0.5), "operator Random.*differ each time"),
        (_counts, "its operator AssignAddVariableOp .* is refused"),
        (_counts_by_reference, "its operator AssignAdd .* is refused"),
    ],
    ids=["read", "python", "dropout", "counts", "counts by reference"],
)
def test_what_reaches_out_of_tensorflow_1_is_refused(
    tmp_path: Path, ends: Function, problem: str
) -> None:
    of_tensorflow_1(tmp_path / "net", ends, resources=True)
    with pytest.raises(Unsupported, match="(?s)" + problem):
        open_folder(str(tmp_path / "net"))


def test_variables_of_tensorflow_1_without_a_value_are_named(tmp_path: Path) -> None:
    of_tensorflow_1(tmp_path / "net", tf.nn.relu, resources=True)

    def renamed(model: Any) -> None:
        for node in model.meta_graphs[0].graph_def.node:
            if node.op == "VarHandleOp":
                node.attr["shared_name"].s = b"other"

    folder = changed(tmp_path / "net", tmp_path / "renamed", renamed)
    with pytest.raises(Unsupported, match="its variable kernel has no value in the checkpoint"):
        open_folder(str(folder))
    shutil.rmtree(tmp_path / "net" / "variables")
    with pytest.raises(BadFile, match="the variables of net cannot be read"):
        open_folder(str(tmp_path / "net"))
