"""Key points: places in a picture, such as where the ink of a digit begins and ends."""

import hashlib
import math

import zoo

SIDE = 32
POINTS = ("top", "bottom", "left", "right")
COORDINATES = tuple(f"{point} {axis}" for point in POINTS for axis in "xy")
NEAR = 1.5  # pixels; a point as near as that is right


class KeyPoints(zoo.Task):
    """Labels and answers: x and y of each point in pixels, float32 (examples, 2 * points)."""

    def activation(self, outputs):
        """Nothing: the network returns pixels already."""
        return outputs

    def compile(self, model, optimizer, options):
        """Huber's loss on standardized targets (see `units`); the mean error picks the epoch."""
        import keras

        error = keras.metrics.MeanAbsoluteError(name="error")
        model.compile(optimizer=optimizer, loss=keras.losses.Huber(), metrics=[error])
        return "error"

    def units(self, labels):
        """Place and spread of each coordinate: the network learns them around 0."""
        from zoo.contracts.training_objective import TargetUnits

        return TargetUnits(offset=labels.mean(axis=0), spread=labels.std(axis=0))

    def transform_labels(self, labels, transform):
        """Points move along with a picture that `--augment` moves."""
        import keras

        moved = transform.apply_to_points(keras.ops.reshape(labels, (-1, len(POINTS), 2)))
        return keras.ops.reshape(moved, (-1, 2 * len(POINTS)))

    def compare(self, reference, candidate):
        """A file decides as its network where every point is within 1.5 pixels of the network's."""
        apart = distances(reference, candidate)
        return zoo.Comparison(
            count=len(apart),
            max_abs=float(apart.max()),
            mean_abs=float(apart.mean()),
            agreement=float((apart <= NEAR).all(axis=1).mean()),
        )

    def parity(self, comparison, precision):
        """The share of such pictures that the precision asks for."""
        agreed = comparison.agreed(precision)
        return zoo.Check(
            name="parity",
            passed=agreed.passed,
            value=f"{comparison.agreement:.1%} of {comparison.count} within {NEAR:g} pixels",
            limit=f"at least {agreed.least:.0%}",
            reason="" if agreed.passed else "points lie elsewhere than the network's",
            unsure=agreed.unsure("inputs"),
        )

    def evaluate(self, answers, truth):
        """The mean distance in pixels, and the share of points within 1.5 pixels."""
        apart = distances(answers, truth.labels)
        return (
            metric("mean distance", apart.mean(axis=1), most=math.inf, higher_is_better=False),
            metric("point accuracy", (apart <= NEAR).mean(axis=1), most=1.0),
        )

    def accuracy(self, truth, reference, candidate, max_drop):
        """Refuses a file whose distances are clearly larger than its network's."""
        before, after = (distances(a, truth.labels).mean(axis=1) for a in (reference, candidate))
        (rise, wide), base = interval(after - before), before.mean()
        passed = bool(100 * rise / base <= max_drop or rise <= wide)  # a NaN fails
        return zoo.Check(
            name="accuracy",
            passed=passed,
            value=f"distance {100 * rise / base:+.2f} %",
            limit=f"no clear rise above {max_drop:g} %",
            reason="" if passed else "its points lie farther from the truth than its network's",
        )

    def wrong(self, answers, labels):
        """Pictures with a point that is not right: the report shows them."""
        return (distances(answers, labels) > NEAR).any(axis=1)

    def describe_answer(self, answer, classes):
        """Such as ``top 12, 3; bottom 14, 25``; there is no confidence."""
        return self.describe_label(answer, classes), None

    def describe_label(self, label, classes):
        """The points by name, in pixels."""
        points = zip(POINTS, label.reshape(-1, 2), strict=True)
        return "; ".join(f"{name} {x:.0f}, {y:.0f}" for name, (x, y) in points)


def distances(answers, labels):
    """Of each point, in pixels, float64 (examples, points)."""
    import numpy as np

    apart = (answers.astype(np.float64) - labels).reshape(len(labels), -1, 2)
    return np.hypot(apart[..., 0], apart[..., 1])


def interval(values):
    """The mean over examples, and half of its 95 % interval."""
    return float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))


def metric(name, values, most, **more):
    """The mean over examples as a record; its interval ends at `most`."""
    mean, wide = interval(values)
    low, high = max(mean - wide, 0.0), min(mean + wide, most)
    return zoo.Metric(name=name, value=mean, low=low, high=high, count=len(values), **more)


def open_digit_points(argument):
    """Scanned digits, twice as large, anywhere in a picture of 32 x 32."""
    import numpy as np

    digits, splits = zoo.open_dataset("digits"), {}
    for number, (name, split) in enumerate(digits.splits.items()):
        random = np.random.default_rng(number)
        images = np.zeros((len(split), SIDE, SIDE, 1), np.uint8)
        labels = np.zeros((len(split), 2 * len(POINTS)), np.float32)
        for index, (x, y) in enumerate(random.integers(0, SIDE - 16, (len(split), 2))):
            images[index, y : y + 16, x : x + 16] = split.read(index).repeat(2, 0).repeat(2, 1)
            labels[index] = ink_ends(images[index, :, :, 0]).ravel()
        content = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
        splits[name] = zoo.Split(labels=labels, read=images.__getitem__, content_hash=content)
    whole = hashlib.sha256("".join(s.content_hash for s in splits.values()).encode()).hexdigest()
    return zoo.Dataset(name="digit_points", classes=COORDINATES, splits=splits, content_hash=whole)


def ink_ends(image):
    """The middle of the first and last row, and of the first and last column, with ink."""
    import numpy as np

    y, x = np.nonzero(image > 96)
    ends = (y == y.min(), y == y.max(), x == x.min(), x == x.max())
    return np.array([(x[end].mean(), y[end].mean()) for end in ends], np.float32)


def build(inputs, classes):
    """Convolutions that halve the picture, and a number for each coordinate."""
    from keras import layers

    x = inputs
    for filters in (8, 16, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return layers.Dense(classes, name="head")(x)


@zoo.hookimpl
def zoo_tasks():
    """Yields the task."""
    yield KeyPoints(
        name="key-points",
        summary="Where named points of a picture are",
        outputs=(zoo.Output(name="points", meaning="x and y of each point, in pixels"),),
        higher_is_better=False,
        max_drop={"int8": 10.0},
        one_choice=False,
    )


@zoo.hookimpl
def zoo_datasets():
    """Yields the data."""
    yield zoo.DatasetProvider(
        name="digit_points",
        summary="scanned digits and where their ink ends; comes with scikit-learn",
        tasks=("key-points",),
        open=open_digit_points,
        fingerprint=lambda argument: "1",
    )


@zoo.hookimpl
def zoo_architectures():
    """Yields the network."""
    yield zoo.Architecture(
        name="pointnet",
        summary="Three convolutions and two dense layers, for points of a picture",
        source="this example",
        build=build,
        variants=(
            zoo.Variant(
                name="points32",
                task="key-points",
                preprocessing=zoo.ImagePreprocessing(height=SIDE, width=SIDE, channels=1),
                classes=len(COORDINATES),
                parameters=39_240,
                multiply_adds=199_168,
            ),
        ),
    )
