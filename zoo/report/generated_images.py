"""The pictures that a report shows of a network that makes some: by epoch, and by file."""

from __future__ import annotations

from zoo.contracts import Dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.data.readers.image_files import read_image
from zoo.pipeline.run import Run
from zoo.report.example_selection import outputs_of, preprocessing_of
from zoo.report.view import Picture
from zoo.results.records import TrainingResult

#: Real examples of a gallery, at most.
_PICTURED = 48


def sample_images_of(run: Run, training: TrainingResult) -> tuple[Picture, ...]:
    """What the network made after each epoch."""
    folder = run.training.folder
    return tuple(
        Picture(label=f"epoch {epoch}", pixels=read_image(folder / name))
        for epoch, name in training.sketches.items()
    )


def galleries_of(run: Run, dataset: Dataset) -> tuple[Picture, ...]:
    """Real examples, and what network and files make of the same inputs."""
    draw = run.job.registry.tasks.get(run.job.variant.task).gallery
    expected, _, answers = outputs_of(run)
    drawn = {n: draw(outputs) for n, outputs in {run.job.model_id: expected, **answers}.items()}
    made = [Picture(label=n, pixels=pixels) for n, pixels in drawn.items() if pixels is not None]
    if not made:
        return ()
    own = preprocessing_of(run).training
    if own.shown_as != "picture":
        return tuple(made)
    test = dataset.splits["test"]
    images = read_inputs(test, own, range(min(_PICTURED, len(test))))
    real = draw(images / 255.0)
    assert real is not None
    return (Picture(label=f"{dataset.name}, real", pixels=real), *made)
