"""The task of compression: bits that are really coded, pictures, and files beside their network."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.common.named_arrays import joined
from zoo.contracts import Truth
from zoo.contracts.precision import PRECISIONS
from zoo.contracts.stored_code import TABLES
from zoo.tasks.image_compression import standard_codecs, zoo_tasks
from zoo.tasks.image_compression.file_checks import codes_of

pytest.importorskip("PIL")

FLOAT32 = next(one for one in PRECISIONS if one.name == "float32")
INT8 = next(one for one in PRECISIONS if one.name == "int8")
COUNT, SIDE = 24, 32


@pytest.fixture(scope="module")
def pictures() -> Any:
    """Smooth waves with grain, uint8."""
    draw = np.random.default_rng(3)
    along = np.linspace(0, 1, SIDE)
    slopes = draw.uniform(-2, 2, (COUNT, 1, 1, 3, 2))
    waves = np.sin(
        slopes[..., 0] * 6 * along[:, None, None] + slopes[..., 1] * along[None, :, None]
    )
    return np.clip(128 + 90 * waves + draw.normal(0, 3, waves.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def outputs(pictures: Any) -> Any:
    draw = np.random.default_rng(4)
    code = draw.laplace(0, 2, (COUNT, 4, 4, 6)).astype(np.float32)
    near = pictures / 255 + draw.normal(0, 0.01, pictures.shape)
    return joined({"code": code, "picture": np.clip(near, 0, 1).astype(np.float32)})


@pytest.fixture(scope="module")
def truth(pictures: Any) -> Any:
    given: Any = None
    return Truth(
        labels=pictures, classes=("picture",), examples=given, held_out=given, preprocessing=given
    )


@pytest.fixture(scope="module")
def task(outputs: Any, truth: Any) -> Any:
    (plain,) = zoo_tasks()
    return plain.with_decoding(plain.choose_decoding(outputs, truth))


def changed(outputs: Any, **fields: Any) -> Any:
    own = outputs.copy()
    for name, values in fields.items():
        own[name] = values
    return own


def test_bits_are_those_of_the_coded_files(task: Any, outputs: Any, truth: Any) -> None:
    answers = task.answers(outputs, truth)
    assert (answers["code"].dtype, answers["picture"].dtype) == (np.int16, np.uint8)
    psnr, rate = task.evaluate(answers, truth)
    coded = task.coder.encode(codes_of(outputs["code"]))
    assert rate.value == pytest.approx(8 * np.mean([len(one) for one in coded]) / SIDE**2)
    errors = (answers["picture"].astype(float) - truth.labels) ** 2
    by_hand = 10 * np.log10(255**2 / errors.mean(axis=(1, 2, 3)))
    assert psnr.value == pytest.approx(by_hand.mean())
    assert (psnr.higher_is_better, rate.higher_is_better, rate.count) == (True, False, COUNT)


def test_without_tables_nothing_is_said_of_bits(outputs: Any, truth: Any) -> None:
    (plain,) = zoo_tasks()
    answers = plain.answers(outputs, truth)
    assert [metric.name for metric in plain.evaluate(answers, truth)] == ["PSNR"]
    assert plain.baseline(answers, truth) is None


def test_tables_are_those_of_validation_alone(task: Any, outputs: Any, truth: Any) -> None:
    other = changed(outputs, code=outputs["code"] * 3 + 40)
    wide = task.evaluate(task.answers(other, truth), truth)[1]
    own = task.evaluate(task.answers(outputs, truth), truth)[1]
    assert wide.value > 2 * own.value
    assert TABLES in task.own_decoding


def test_numbers_that_are_none_are_coded_as_zero() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1.5, 2.5, -0.5], np.float32)
    assert codes_of(odd).tolist() == [0, 32_767, -32_767, 2, 2, 0]


def test_a_number_between_two_whole_ones_may_be_either(task: Any, outputs: Any) -> None:
    tie = changed(outputs, code=np.rint(outputs["code"]))
    tie["code"][0, 0, 0, 0] = 1.5
    file = changed(tie)
    file["code"][0, 0, 0, 0] = np.nextafter(np.float32(1.5), np.float32(1))
    file["picture"][0] = 1 - file["picture"][0]  # what follows from another code
    assert task.parity(task.compare(tie, file), FLOAT32).passed
    file["picture"][1] = 1 - file["picture"][1]  # and what does not
    assert not task.parity(task.compare(tie, file), FLOAT32).passed


@pytest.mark.parametrize("precision", [FLOAT32, INT8], ids=lambda one: one.name)
def test_files_with_other_codes_or_pictures_are_refused(
    task: Any, outputs: Any, precision: Any
) -> None:
    def passes(candidate: Any) -> bool:
        return bool(task.parity(task.compare(outputs, candidate), precision).passed)

    code, picture = outputs["code"], outputs["picture"]
    assert passes(outputs)
    assert not passes(changed(outputs, code=code + 0.6))
    assert not passes(changed(outputs, code=code[..., ::-1]))
    assert not passes(changed(outputs, picture=picture[:, ::-1]))
    assert not passes(changed(outputs, picture=np.full_like(picture, 0.5)))
    for name in ("code", "picture"):
        broken = changed(outputs)
        broken[name][3, 0, 0, 0] = np.nan
        assert not passes(broken), name


def test_rounding_is_no_noise_and_a_channel_that_is_another_is(task: Any, outputs: Any) -> None:
    def noise(file: Any) -> float:
        found = closeness.compare(task, outputs, file).outputs["code"].noise
        assert found is not None
        return float(found)

    code = outputs["code"].copy()
    assert noise(changed(outputs, code=np.rint(code))) < 1e-6
    beside = code.copy()
    beside[..., 4] += 0.2
    assert noise(changed(outputs, code=beside)) > 0.05
    exchanged = code[..., [0, 1, 3, 2, 4, 5]]
    for file in (exchanged, np.rint(exchanged)):
        assert noise(changed(outputs, code=file)) > 0.5
    # A channel that is nearly always 0 may be so in its own way.
    faint = changed(outputs)
    faint["code"][..., 5] *= 0.02
    own = changed(faint)
    own["code"][..., 5] *= -1
    assert closeness.compare(task, faint, own).outputs["code"].noise == 0.0
    # One that is 0 in two of three places is no less a part of the code.
    faint["code"][..., 5] = outputs["code"][..., 5] * 0.3
    assert 0.5 < faint["code"][..., 5].std() < 1.0
    honest = changed(
        faint, code=faint["code"] + np.random.default_rng(6).normal(0, 0.06, code.shape)
    )
    limit = INT8.tolerances.noise
    for file in (changed(faint, code=np.rint(faint["code"])), honest):
        assert closeness.compare(task, faint, file).outputs["code"].noise < limit / 5
    for factor in (0.0, -1.0):
        lost = changed(faint)
        lost["code"][..., 5] *= factor
        for file in (lost, changed(lost, code=np.rint(lost["code"]))):
            assert closeness.compare(task, faint, file).outputs["code"].noise > limit


def test_a_file_that_grows_or_blurs_loses(task: Any, outputs: Any, truth: Any) -> None:
    before = task.answers(outputs, truth)
    draw = np.random.default_rng(5)

    def check(file: Any) -> Any:
        return task.accuracy(truth, before, task.answers(file, truth), 0.2)

    assert check(outputs).passed
    grown = check(changed(outputs, code=outputs["code"] * 1.3))
    assert not grown.passed
    assert "larger" in grown.reason
    noise = draw.normal(0, 0.02, outputs["picture"].shape)
    worse = check(changed(outputs, picture=np.clip(outputs["picture"] + noise, 0, 1)))
    assert not worse.passed
    assert "dB worse" in worse.reason


def test_the_baseline_is_jpeg_of_the_same_size(task: Any, outputs: Any, truth: Any) -> None:
    answers = task.answers(outputs, truth)
    found = task.baseline(answers, truth)
    assert found.answer == "JPEG of the same size"
    assert found.gain == pytest.approx(task.evaluate(answers, truth)[0].value - found.metric.value)
    grey = replace(task).answers(changed(outputs, picture=0.5), truth)
    assert not task.baseline(grey, truth).better


@pytest.mark.parametrize("name", standard_codecs.CODECS)
def test_curves_rise_and_their_points_are_between_measured_ones(name: str, pictures: Any) -> None:
    curve = standard_codecs.rate_distortion(name, pictures)
    assert curve.rates.shape == (len(standard_codecs.QUALITIES), COUNT)
    means = np.array(curve.points)
    assert (np.diff(means[:, 0]) > 0).all()
    assert (np.diff(means[:, 1]) > 0).all()
    for row in (0, 3, -1):
        assert curve.psnr_at(curve.rates[row]) == pytest.approx(curve.ratios[row], abs=0.6)
    size, _ = standard_codecs.compressed(name, pictures[0], 50)
    assert 0 < size < 700


def test_what_is_not_counted_of_jpeg_is_the_same_in_all_files(pictures: Any) -> None:
    import io

    from PIL import Image

    before = set()
    for picture in pictures[:6]:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=40)
        written = buffer.getvalue()
        before.add(written[: standard_codecs._before_scan(written)])
    assert len(before) == 1


def test_errors_are_exact_and_take_little_more_memory_than_a_picture() -> None:
    mine, true = np.random.default_rng(0).integers(0, 256, (2, 1, 400, 500, 3), np.uint8)
    tracemalloc.start()
    (found,) = standard_codecs.squared_errors(mine, true)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == np.square(mine.astype(np.float64) - true).mean()
    assert most < 5 * mine.size


def test_a_picture_that_is_larger_in_jpeg_than_in_pixels_is_written() -> None:
    for shape in ((300, 300, 3), (300, 300, 1)):
        drawn = 255 * np.random.default_rng(0).integers(0, 2, shape, np.uint8)
        for quality in (3, 60, 92, 94, 95):
            size, made = standard_codecs.compressed("JPEG", drawn, quality)
            assert made.shape == shape
            assert size > 0
        assert size > 0.9 * 300 * 300


@pytest.fixture(scope="module")
def real() -> Any:
    """Photographs, and a network that begins as the cosine transform: what its parts make."""
    keras = pytest.importorskip("keras")
    pytest.importorskip("skimage")
    from zoo.data.photographs import open_photographs
    from zoo.networks.building import build_network
    from zoo.registry import PluginSettings, load_registry

    architecture, variant = load_registry(PluginSettings(installed=False)).variant(
        "autoencoder_small"
    )
    network = build_network(architecture, variant, 1)
    split = open_photographs("?task=image-compression").splits["test"]
    given = np.asarray(split.labels[:12])
    made = network.get_layer("rounded").output
    return (
        keras.Model(network.input, network.output["code"]),
        keras.Model(made, network.output["picture"]),
        given,
    )


def through(encoder: Any, decoder: Any, given: Any) -> Any:
    """What files give: the code, and the picture of the whole numbers, cut to what is shown."""
    code = np.asarray(encoder((given / np.float32(255) - 0.5) / 4))
    return joined({"code": code, "picture": drawn(decoder, code)})


def drawn(decoder: Any, code: Any) -> Any:
    return np.clip(np.asarray(decoder(codes_of(code).astype(np.float32))), 0, 1)


def test_broken_parts_are_no_pass(real: Any) -> None:
    """The network itself beats JPEG from its first step on; what is not it fails the gate."""
    import keras

    encoder, decoder, given = real
    none: Any = None
    truth = Truth(
        labels=given, classes=("picture",), examples=none, held_out=none, preprocessing=none
    )
    (plain,) = zoo_tasks()
    made = through(encoder, decoder, given)
    task = plain.with_decoding(plain.choose_decoding(made, truth))
    own = task.answers(made, truth)
    found = task.baseline(own, truth)
    assert found is not None
    assert found.better

    def caught(file: Any, precision: Any) -> list[str]:
        answers = task.answers(file, truth)
        checks = {
            "parity": task.parity(task.compare(made, file), precision).passed,
            "accuracy": task.accuracy(truth, own, answers, task.allowed_loss(precision)).passed,
        }
        return [name for name, passed in checks.items() if not passed]

    damaged = keras.models.clone_model(decoder)
    damaged.set_weights(decoder.get_weights())
    layer = damaged.get_layer("synthesis")
    layer.kernel.assign(layer.kernel * np.where(np.arange(64) == 3, -1.0, 1.0))
    code = made["code"]
    exchanged = code[..., [0, 2, 1, *range(3, 64)]]
    wrong = {
        "damaged decoder": changed(made, picture=drawn(damaged, code)),
        "exchanged channels": changed(made, code=exchanged, picture=drawn(decoder, exchanged)),
        "shifted code": changed(made, code=code + 1, picture=drawn(decoder, code + 1)),
        "zeros": changed(made, code=0 * code, picture=drawn(decoder, 0 * code)),
    }
    assert caught(made, FLOAT32) == []
    for name, file in wrong.items():
        assert caught(file, INT8), name
    for name in ("zeros", "damaged decoder"):
        assert not task.baseline(task.answers(wrong[name], truth), truth).better, name


def test_tables_of_another_network_make_pictures_larger_and_are_no_pass(real: Any) -> None:
    encoder, decoder, given = real
    none: Any = None
    truth = Truth(
        labels=given, classes=("picture",), examples=none, held_out=none, preprocessing=none
    )
    (plain,) = zoo_tasks()
    made = through(encoder, decoder, given)
    own = plain.with_decoding(plain.choose_decoding(made, truth))
    mirrored = changed(made, code=7 * made["code"][..., ::-1])
    other = plain.with_decoding(plain.choose_decoding(mirrored, truth))
    sizes = [task.rates(task.answers(made, truth)).mean() for task in (own, other)]
    assert sizes[1] > 1.2 * sizes[0]
    assert own.baseline(own.answers(made, truth), truth).better
    assert not other.baseline(other.answers(made, truth), truth).better
