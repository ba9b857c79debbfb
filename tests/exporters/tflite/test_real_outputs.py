"""Real targets leave an integer file as real numbers, where its processor has such."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from zoo.exporters.tflite.integer import interface_of, outputs_of
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.mark.parametrize("target", [target.name for target in REGISTRY.targets])
@pytest.mark.parametrize("real", [True, False])
def test_what_integer_files_give(target, real):
    scheme = REGISTRY.targets.get(target)
    request = SimpleNamespace(integer_input=True, real_outputs=real)
    takes, gives = interface_of(request, scheme), outputs_of(request, scheme)
    if scheme.interface == "auto":
        assert (takes, gives) == ("uint8", "float32" if real else "uint8")
    else:
        assert takes == gives == scheme.interface
