"""A network that 8-bit integers ruin: one channel is thousands of times larger than the rest."""

import zoo

#: Between these two layers, which undo each other, one channel in 16 is so much larger.
FACTORS = (3000.0,) + (1.0,) * 15


def build(inputs, classes, *, sharpness=1.0):
    from keras import layers

    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="first")(inputs)
    x = layers.Rescaling(list(FACTORS), name="uneven")(x)
    x = layers.ReLU(name="rectified")(x)
    x = layers.Rescaling([1 / factor for factor in FACTORS], name="even")(x)
    x = layers.Conv2D(32, 3, strides=2, activation="relu", name="second")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(classes, name="head")(x)
    return x if sharpness == 1.0 else layers.Rescaling(sharpness, name="blunt")(x)


@zoo.hookimpl
def zoo_architectures():
    pixels = zoo.ImagePreprocessing(height=8, width=8, channels=1)
    yield zoo.Architecture(
        name="uneven",
        summary="One channel dwarfs the others",
        source="made for tests",
        build=build,
        variants=tuple(
            zoo.Variant(
                name=name,
                classes=10,
                parameters=7_690,
                multiply_adds=9_216 + 41_472 + 2_880,
                preprocessing=pixels,
                hyperparameters={"sharpness": sharpness},
            )
            for name, sharpness in (("uneven8", 1.0), ("blunt8", 1e-3))
        ),
    )
