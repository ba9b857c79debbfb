"""Cards of checkpoints: identity, origin, accuracy, hash."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from zoo.common.errors import BadFile
from zoo.common.files import read_file, write_text
from zoo.contracts import BackboneOrigin, SourceReference
from zoo.contracts.preprocessing.stored import StoredPreprocessing


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """The headline metric on the whole test split, with its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float
    count: int
    counted: str = "example"


@dataclass(frozen=True, kw_only=True)
class Card:
    """The card of a safetensors file.

    Attributes:
        variant: Name of the variant.
        tag: Name of the weights; the model id is ``variant.tag``.
        dataset: What it was trained on.
        dataset_hash: Content hash of that dataset.
        classes: Class names in the order of the outputs.
        licence: SPDX identifier of the weights.
        sha256: Of the safetensors file.
        hyperparameters: Beyond those of the variant.
        preprocessing: When it is not the variant's: what was measured on the training split (a
            vocabulary, the mean of channels), chosen (another input size), or published.
        recipe: The training options that made it, or where it was published.
        parent: Model id that training began from; empty when from scratch.
        accuracy: None when it was not measured.
        findings: What spoke against the network when that was measured, a sentence each.
        versions: Distributions that trained it.
        task: Name of the task that it was trained for, where that is not its variant's.
        network: Where the network came from, if it is no plugin's; the weights hold its graph.
        decoding: What outputs are decoded with; see `zoo.contracts.Task`.
        backbone: Whose weights a part of its layers began with; None where none did.
    """

    variant: str
    tag: str
    dataset: str
    dataset_hash: str
    classes: tuple[str, ...]
    licence: str
    sha256: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    preprocessing: StoredPreprocessing | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    accuracy: Accuracy | None = None
    findings: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    task: str = ""
    network: SourceReference | None = None
    decoding: dict[str, float | str] = field(default_factory=dict)
    backbone: BackboneOrigin | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def model_id(self) -> str:
        """``variant.tag``."""
        return f"{self.variant}.{self.tag}"


_CARD = TypeAdapter(Card)
#: Of a card; one with ten thousand class names has a tenth of that.
MOST_BYTES = 4 << 20
_RESTORE = "restore it from where the weights came: it is a TOML text in UTF-8, made with them"


def read_card(path: Path) -> Card:
    """Reads and validates a card.

    Raises:
        BadFile: Not there, not TOML, or a key is wrong.
    """
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8")
        return _card_of(text)
    except FileNotFoundError as error:
        raise BadFile(
            f"the weights have no card {path}", fix="keep the .toml beside the .safetensors"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadFile(
            f"the card {path} is wrong at {key!r}", why=first["msg"], fix=_RESTORE
        ) from error
    except OSError as error:
        raise BadFile(f"the card {path} cannot be read", why=error.strerror) from error
    # Too many digits are a plain ValueError, too many brackets a RecursionError.
    except (ValueError, RecursionError) as error:
        raise BadFile(f"the card {path} cannot be read", why=str(error), fix=_RESTORE) from error


@lru_cache(maxsize=64)
def _card_of(text: str) -> Card:
    """A plan asks for its card several times, and a search makes hundreds of plans."""
    return _CARD.validate_python(tomllib.loads(text))


def write_card(path: Path, card: Card) -> None:
    """Writes a card as TOML, without empty fields."""
    import tomli_w

    plain = _CARD.dump_python(card, mode="json", exclude_none=True)
    plain["recipe"] = _without_none(plain["recipe"])
    write_text(path, tomli_w.dumps({k: v for k, v in plain.items() if v not in ({}, "", [])}))


def _without_none(values: Any) -> Any:
    if isinstance(values, dict):
        return {k: _without_none(v) for k, v in values.items() if v is not None}
    return values
