"""The part of a network whose layers are those of another variant."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.contracts.checks import check_name


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The layers that a network has in common with a variant, so that weights of that one fit.

    Common layers have weights and the same name in both networks; heads are none of them. They
    compute of normalized inputs what they compute there.

    Attributes:
        variant: Name of the other variant, of whatever architecture.
        shared: Hyper-parameters of both networks that must be equal for weights to fit, such as a
            width.
    """

    variant: str
    shared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("variant", self.variant)


@dataclass(frozen=True, kw_only=True)
class BackboneOrigin:
    """Whose weights the layers of a backbone began with, on cards and in manifests.

    Attributes:
        model_id: Of these weights.
        sha256: Of their file.
        dataset: What they were trained on.
        licence: SPDX identifier of these weights.
        url: Where they were published; empty for weights that were trained here.
    """

    model_id: str
    sha256: str
    dataset: str
    licence: str
    url: str = ""
