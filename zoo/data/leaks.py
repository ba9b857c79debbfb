"""Examples that are in two splits, whoever made the dataset."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zoo.common.errors import BadData, ZooError
from zoo.common.files import write_text
from zoo.common.paths import cache_folder
from zoo.contracts.dataset import SPLITS, Dataset, Split

#: So many pairs of an example are named.
_NAMED = 5
#: The later of two splits in which an example is, as messages order them.
_PAIRS = (("train", "validation"), ("train", "test"), ("validation", "test"))


def refuse_leaks(dataset: Dataset, fingerprint: str, *, allowed: bool) -> tuple[str, ...]:
    """Refuses splits that share an example; returns what to say of them where that is allowed.

    Examples are compared by what they show. Of a dataset that does not say what its examples are,
    all are read, once: the outcome is remembered until its content changes.

    Args:
        dataset: Any.
        fingerprint: Of its content, as its provider gives it.
        allowed: Whether to say so only.

    Raises:
        BadData: Names the first examples that are in two splits.
    """
    identities = _identities(dataset, fingerprint)
    where = {name: _first_places(own) for name, own in identities.items()}
    pairs: list[str] = []
    notes: list[str] = []
    for first, second in _PAIRS:
        held = where[first]
        shared = [i for i, content in enumerate(identities[second]) if content in held]
        pairs += [
            f"{_name(dataset, first, held[identities[second][i]])} = {_name(dataset, second, i)}"
            for i in shared[:_NAMED]
        ]
        if shared:
            notes.append(f"{len(shared)} of {len(identities[second])} examples in {second}")
            notes[-1] += f" are also in {first}"
    if not notes:
        return ()
    if allowed:
        return tuple(f"{note}: figures measured there say less than they seem to" for note in notes)
    raise BadData(
        f"splits share examples: {'; '.join(pairs[:_NAMED])}; {', '.join(notes)}",
        why="accuracy on training examples does not measure generalization",
        fix="remove them from one of the splits; or add --allow-leak to train all the same",
    )


def _name(dataset: Dataset, split: str, index: int) -> str:
    names = dataset.splits[split].names
    return names[index] if names else f"{split}[{index}]"


def _first_places(contents: Sequence[bytes]) -> dict[bytes, int]:
    places: dict[bytes, int] = {}
    for index, content in enumerate(contents):
        places.setdefault(content, index)
    return places


def _identities(dataset: Dataset, fingerprint: str) -> dict[str, Sequence[bytes]]:
    """What each example shows, by split; of examples that are in one split alone, anything."""
    given: dict[str, Sequence[bytes]] = {}
    for name in SPLITS:
        own = dataset.splits[name].identities
        if own is not None:
            given[name] = own
    if len(given) == len(SPLITS):
        return given
    sizes = [len(dataset.splits[name]) for name in SPLITS]
    asked = f"{dataset.name}\0{fingerprint}\0{dataset.content_hash}\0{sizes}"
    key = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
    memory = cache_folder() / "shared_examples" / f"{key}.json"
    stored = _recall(memory)
    if stored is None:
        read = {name: _read(dataset.splits[name]) for name in SPLITS}
        counts = Counter(content for own in read.values() for content in set(own))
        stored = {
            name: {str(i): content.hex() for i, content in enumerate(own) if counts[content] > 1}
            for name, own in read.items()
        }
        # A failure costs the time of reading all once more, and nothing else.
        with contextlib.suppress(ZooError, OSError):
            write_text(memory, json.dumps(stored))
    return {
        name: [
            bytes.fromhex(stored[name].get(str(i), "")) or f"{name} {i}".encode()
            for i in range(len(dataset.splits[name]))
        ]
        for name in SPLITS
    }


def _recall(memory: Path) -> Mapping[str, Mapping[str, str]] | None:
    try:
        stored = json.loads(memory.read_text(encoding="utf-8"))
        return {
            name: {i: bytes.fromhex(c).hex() for i, c in stored[name].items()} for name in SPLITS
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # Not remembered, or damaged.


def _read(split: Split) -> list[bytes]:
    from zoo.data.readers.hashing import identity

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda index: identity(split.read(index)), range(len(split))))
