"""MediaPipe Tasks open our files and give our answers."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_networks import (
    CLASSES,
    KINDS,
    asked,
    detection_request,
    detector,
    pictures,
    pictures_for,
    request_for,
    segmenter,
    written,
)
from sound_networks import CLASSES as TONES
from sound_networks import OWN, SOUNDS, exported
from tiny_networks import TFLITE, Deployed, answers_of

from zoo.data.preprocessing.waveforms import front_end_of

for module in ("mediapipe", "tensorflow", "ai_edge_litert", "sklearn"):
    pytest.importorskip(module)


@pytest.fixture(scope="module")
def coloured() -> Deployed:
    return pictures(3)


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic-int8", "int8"])
def test_the_classifier_gives_our_first_choice(
    coloured: Deployed, tmp_path: Path, precision: str
) -> None:
    path = written(asked(coloured, tmp_path / "net.tflite", precision))
    some = coloured.inputs[:64]
    ours = answers_of(path, some).argmax(-1)
    theirs = classified(path, some)
    assert [index for index, _ in theirs] == ours.tolist()
    assert {name for _, name in theirs} <= {" ".join(name.split()) for name in CLASSES}
    assert len({name for _, name in theirs}) > 5


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_segmenter_gives_our_probabilities(tmp_path: Path, precision: str) -> None:
    model = segmenter()
    path = written(request_for(model, tmp_path / "net.tflite", precision))
    pixels = pictures_for(model, 2)[1:]
    (ours,) = answers_of(path, pixels)
    probabilities, chosen, labels = segmented(path, pixels[0])
    np.testing.assert_allclose(probabilities, ours, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(chosen, ours.argmax(-1))
    assert labels == list(KINDS)
    assert len(np.unique(chosen)) > 1


@pytest.mark.parametrize("precision", ["float32", "dynamic-int8"])
def test_the_detector_gives_our_boxes(tmp_path: Path, precision: str) -> None:
    path = written(detection_request(tmp_path / "net.tflite", precision))
    pixels = pictures_for(detector(), 1)
    ours = answers_of(path, pixels)
    found = detected(path, pixels[0])
    assert [(name, round(score, 5)) for name, score, _ in found] == [
        (KINDS[int(ours["classes"][0, n])], round(float(ours["scores"][0, n]), 5)) for n in range(3)
    ]
    edges = ours["edges"][0, :3] * 40
    theirs = [box for *_, box in found]
    # They are whole pixels there, corner and sides cut off.
    assert np.abs(edges - theirs).max() < 2
    assert np.ptp(edges[:, 0]) > 1


@pytest.mark.parametrize("precision", ["float32", pytest.param("int8", marks=pytest.mark.slow)])
def test_the_audio_classifier_gives_our_probabilities(tmp_path: Path, precision: str) -> None:
    path = tmp_path / "net.tflite"
    contents = exported(path, "tflite", precision, front_end_of(OWN))
    assert contents.class_names == TONES
    TFLITE.write_manifest(path, '{"any": "text"}')
    ours = answers_of(path, SOUNDS)
    theirs = heard(path, SOUNDS, OWN.rate)
    given = np.array([[scores[name] for name in TONES] for scores in theirs])
    np.testing.assert_allclose(given, ours, rtol=0, atol=1e-6)
    assert len({*ours.argmax(-1).tolist()}) > 1

    # It brings sounds of another rate to the one that the file takes.
    (twice,) = heard(path, SOUNDS[:1].repeat(2, axis=1), 2 * OWN.rate)
    assert np.abs(np.array([twice[name] for name in TONES]) - ours[0]).max() < 0.05


def test_the_audio_classifier_opens_no_file_without_a_front_end(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    assert exported(path, "tflite", "float32", None).class_names == ()
    with pytest.raises((RuntimeError, ValueError), match="Metadata"):
        heard(path, SOUNDS[:1], OWN.rate)


def test_it_opens_no_compressed_files(coloured: Deployed, tmp_path: Path) -> None:
    request = asked(coloured, tmp_path / "net.tflite", "float32")
    TFLITE.export(request)
    with zipfile.ZipFile(request.path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zoo_manifest.json", "text " * 100)
    with pytest.raises(RuntimeError, match="uncompressed"):
        classified(request.path, coloured.inputs[:1])


def classified(path: Path, images: np.ndarray) -> list[tuple[int, str]]:
    """First choices of MediaPipe: number and name."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=str(path)), max_results=1
    )
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in images:
            first = classifier.classify(picture(pixels)).classifications[0].categories[0]
            found.append((int(first.index), str(first.category_name)))
    return found


def segmented(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """MediaPipe's probabilities (height, width, classes), its classes of pixels, and labels."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        output_category_mask=True,
        output_confidence_masks=True,
    )
    with vision.ImageSegmenter.create_from_options(options) as reader:
        made = reader.segment(picture(pixels))
        masks = [mask.numpy_view().squeeze() for mask in made.confidence_masks]
        return np.stack(masks, -1), made.category_mask.numpy_view().squeeze().copy(), reader.labels


def detected(path: Path, pixels: np.ndarray) -> list[tuple[str, float, list[int]]]:
    """MediaPipe's boxes: class, score, and top, left, bottom, right in pixels."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ObjectDetectorOptions(base_options=BaseOptions(model_asset_path=str(path)))
    with vision.ObjectDetector.create_from_options(options) as reader:
        made = reader.detect(picture(pixels)).detections
    found = []
    for one in made:
        box, (kind,) = one.bounding_box, one.categories
        corner = [box.origin_y, box.origin_x]
        sides = [box.origin_y + box.height, box.origin_x + box.width]
        found.append((kind.category_name, kind.score, corner + sides))
    return found


def picture(pixels: np.ndarray) -> Any:
    import mediapipe

    data = np.ascontiguousarray(pixels.astype(np.uint8))
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=data)


def heard(path: Path, sounds: np.ndarray, rate: int) -> list[dict[str, float]]:
    """MediaPipe's score of each class, for sounds at a rate."""
    from mediapipe.tasks.python import BaseOptions, audio
    from mediapipe.tasks.python.components import containers

    options = audio.AudioClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
    found = []
    with audio.AudioClassifier.create_from_options(options) as classifier:
        for samples in sounds:
            clip = containers.AudioData.create_from_array(samples, rate)
            (first, *_) = classifier.classify(clip)
            (head,) = first.classifications
            found.append({str(one.category_name): float(one.score) for one in head.categories})
    return found
