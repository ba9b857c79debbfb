"""The ten hooks: everything that a plugin can add to the zoo.

A plugin is a module with functions of these names, each marked with `zoo.hookimpl` and yielding
frozen records. A whole plugin::

    # zoo_tiny.py
    import zoo

    def build(inputs, classes):
        from keras import layers
        x = layers.Conv2D(16, 3, strides=2, activation="relu")(inputs)
        x = layers.Conv2D(32, 3, strides=2, activation="relu")(x)
        x = layers.Flatten()(x)
        return layers.Dense(classes, name="head")(x)

    @zoo.hookimpl
    def zoo_architectures():
        yield zoo.Architecture(
            name="tiny", summary="Two convolutions", source="this file", build=build,
            variants=(zoo.Variant(
                name="tiny28", classes=10, parameters=16_330, multiply_adds=201_744,
                preprocessing=zoo.ImagePreprocessing(height=28, width=28, channels=1)),))

and two lines of its `pyproject.toml` make the zoo find it::

    [project.entry-points.zoo]
    tiny = "zoo_tiny"

`zoo --plugin zoo_tiny.py list` tries it without installing anything. Import Keras and other heavy
libraries inside functions: a hook only yields records, and `zoo list` calls it each time.

When two plugins provide one name, neither wins: using the name is an error that names both
distributions and versions, and `zoo plugins list` shows the conflict. `zoo --without NAME`
switches one off.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from zoo.contracts import (
    Architecture,
    DatasetProvider,
    DeviceKind,
    Executor,
    Exporter,
    Runtime,
    Source,
    Target,
    Task,
    Tracker,
)

PROJECT = "zoo"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def zoo_architectures() -> Iterable[Architecture]:  # type: ignore[empty-body]
    """Yields families of networks.

    Names of architectures and of their variants must be free: both are what users type.

    Example::

        @zoo.hookimpl
        def zoo_architectures():
            yield zoo.Architecture(name="tiny", summary="…", source="…", build=build,
                                   variants=(zoo.Variant(...),))
    """


@hookspec
def zoo_tasks() -> Iterable[Task]:  # type: ignore[empty-body]
    """Yields tasks: what outputs mean, how a network learns them, how two outputs are compared.

    A variant names its task. A second task of one name is an error for every variant that uses it.

    Example::

        class Ages(zoo.Task):
            def activation(self, outputs): ...
            def compile(self, model, optimizer, options): ...

        @zoo.hookimpl
        def zoo_tasks():
            yield Ages(name="ages", summary="…", outputs=(zoo.Output(name="years"),))
    """


@hookspec
def zoo_datasets() -> Iterable[DatasetProvider]:  # type: ignore[empty-body]
    """Yields sources of examples.

    A provider's name is what stands before the colon in ``--data folder:PATH``. Two providers of
    one name make that name an error.

    Example::

        @zoo.hookimpl
        def zoo_datasets():
            yield zoo.DatasetProvider(name="digits", summary="…", tasks=("image-classification",),
                                      open=open_digits, fingerprint=fingerprint)
    """


@hookspec
def zoo_exporters() -> Iterable[Exporter]:  # type: ignore[empty-body]
    """Yields file formats.

    The name is what users type for ``--format``, the suffix is how files are recognised; neither
    may be taken by another exporter.

    Example::

        @zoo.hookimpl
        def zoo_exporters():
            yield zoo.Exporter(name="onnx", summary="…", suffix=".onnx",
                               precisions=("float32", "int8"), export=export, ...)
    """


@hookspec
def zoo_targets() -> Iterable[Target]:  # type: ignore[empty-body]
    """Yields kinds of processor that files are written for.

    The name, or one of its aliases, is what users type for ``--target``. Two targets of one name
    are an error when it is used.

    Example::

        @zoo.hookimpl
        def zoo_targets():
            yield zoo.Target(name="risc-v", summary="…", source="…", machines=("riscv64",),
                             precisions=("int8", "float32"))
    """


@hookspec
def zoo_runtimes() -> Iterable[Runtime]:  # type: ignore[empty-body]
    """Yields what runs files on a device.

    The name is what users type for ``--runtime``. The record names the formats whose files it runs,
    and the Python file with the class that does so, which travels to the device. Two runtimes of
    one name are an error when it is used.

    Example::

        @zoo.hookimpl
        def zoo_runtimes():
            yield zoo.Runtime(name="ncnn", summary="…", formats=("ncnn",), module="ncnn",
                              distributions=("ncnn",), source=Path(__file__).parent / "run_ncnn.py")
    """


@hookspec
def zoo_devices() -> Iterable[DeviceKind]:  # type: ignore[empty-body]
    """Yields ways to reach devices.

    Users name devices of a kind in ``devices.toml``; a kind that needs no options is a device by
    itself. The record says what a kind is, and its driver, a class, does the work: it connects by a
    transport, which copies files and starts the agent; the agent does the measuring. Two kinds of
    one name are an error.

    Example::

        @zoo.hookimpl
        def zoo_devices():
            yield zoo.DeviceKind(name="box", summary="…", driver=lambda: BoxDriver)
    """


@hookspec
def zoo_sources() -> Iterable[Source]:  # type: ignore[empty-body]
    """Yields kinds of trained networks from elsewhere.

    Each source is asked first whether it recognises what a user typed as model. The one that does
    opens it; two that do are an error. The network is then evaluated, exported, gated and timed
    like any other.

    Example::

        @zoo.hookimpl
        def zoo_sources():
            yield zoo.Source(name="caffe", summary="…", recognises=is_caffe, local=file_of,
                             open=open_caffe, distributions=("caffe",))
    """


@hookspec
def zoo_trackers() -> Iterable[Tracker]:  # type: ignore[empty-body]
    """Yields trackers of experiments, which are told of the epochs and the end of runs.

    The name is what stands before the colon of ``--track tensorboard:logs``. The record's `open`
    takes what follows the colon, and the run; what it returns is told in a thread of its own. What
    a tracker raises becomes a remark on the run. Two trackers of one name are an error when it is
    used.

    Example::

        @zoo.hookimpl
        def zoo_trackers():
            yield zoo.Tracker(name="diary", summary="…", argument="FILE", open=Diary)
    """


@hookspec
def zoo_executors() -> Iterable[Executor]:  # type: ignore[empty-body]
    """Yields executors: engines that perform steps on other machines.

    The name is what stands before ``://`` of ``--executor dask://HOST:PORT``. The record says what
    the engine is, and its driver, a class, hands orders to workers. An order is text; a worker
    hands it to `zoo.pipeline.executors.host.OrderHost`, which performs the step in a process of its
    own. Two executors of one name are an error when it is used.

    Example::

        class Cluster(zoo.ExecutorDriver):
            def connect(self): ...
            def workers(self): ...
            def perform(self, order, emit): ...
            def cancel(self, order): ...

        @zoo.hookimpl
        def zoo_executors():
            yield zoo.Executor(name="ray", summary="…", argument="HOST:PORT",
                               driver=lambda: Cluster)
    """
