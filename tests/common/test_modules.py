"""Attributes of modules that are imported when they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zoo.common.modules import lazy


def test_nothing_is_imported_before_the_call() -> None:
    code = (
        "import sys; from zoo.common.modules import lazy; get = lazy('wave:Error'); "
        "assert 'wave' not in sys.modules; get(); assert 'wave' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_attribute_is_returned() -> None:
    import wave

    assert lazy("wave:Error")() is wave.Error


def test_a_misspelt_name_is_an_error() -> None:
    with pytest.raises(AttributeError):
        lazy("wave:Eror")()
    with pytest.raises(ImportError):
        lazy("no_such_module:x")()
