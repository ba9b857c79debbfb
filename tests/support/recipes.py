"""What tests of recipes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common.errors import UsageError
from zoo.pipeline.options import recipe_from
from zoo.pipeline.recipe import Recipe

NAMES = 'model = "lenet5"\ndata = "digits"\n'


def recipe_of(folder: Path, text: str | bytes, **arguments) -> Recipe:
    path = folder / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recipe_from(recipe=path, **arguments)


def problems(folder: Path, text: str, **arguments) -> list[str]:
    """The lines about wrong keys."""
    with pytest.raises(UsageError) as caught:
        recipe_of(folder, text, **arguments)
    assert str(folder / "recipe.toml") in caught.value.what
    assert caught.value.fix
    return [line[4:] for line in caught.value.what.splitlines()[1:]]
