"""Errors out of foreign code name the plugin and its innermost line."""

from __future__ import annotations

import pytest

from zoo.common import plugin_errors
from zoo.common.errors import BadData
from zoo.common.modules import import_path
from zoo.common.plugin_errors import note_source, plugin_failure, plugin_line
from zoo.common.worker import flatten


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A plugin's package, whose module fails in three ways."""
    monkeypatch.setattr(plugin_errors, "_SOURCES", {})
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("from . import deep\n")
    (folder / "deep.py").write_text(
        "def outer(call):\n"
        "    return call()\n"
        "def fails():\n"
        "    raise KeyError('lost')\n"
        "def hides():\n"
        "    try:\n"
        "        fails()\n"
        "    except KeyError as error:\n"
        "        raise SystemExit(3) from error\n"
    )
    return import_path(folder, "zoo_local_test_")


def raised(call) -> BaseException:
    with pytest.raises((Exception, SystemExit)) as error:
        call()
    return error.value


def test_errors_of_plugins_name_it_and_its_line(package):
    file = package.deep.__file__
    error = raised(package.deep.fails)
    assert plugin_failure(error) is None  # no plugin is known yet
    # Of a package the outermost folder is the plugin, whatever module has the hook.
    note_source(file, "mine")
    failure = plugin_failure(error)
    assert failure.what == "the plugin 'mine' failed: KeyError: 'lost'"
    assert failure.why == f"raised at {file}, line 4, in fails"
    assert "report" not in failure.fix
    # What was called by a plugin and raised elsewhere, in a library.
    assert plugin_line(raised(lambda: package.deep.outer(lambda: 1 / 0)))[1].endswith(
        "line 2, in outer"
    )
    assert plugin_failure(raised(package.deep.hides)).what.endswith("SystemExit: 3")
    # A worker's error passes the same way, and one with sentences of its own keeps them.
    assert flatten(error).what == failure.what
    assert flatten(BadData("no such column")).what == "no such column"
    assert plugin_failure(raised(lambda: 1 / 0)) is None


def test_lines_that_an_error_quotes_count(package):
    """TensorFlow raises in its own code, and names the line that made the operator."""
    note_source(package.deep.__file__, "mine")
    text = f'Detected at node defined at:\n  File "{package.deep.__file__}", line 7, in hides\n'
    assert plugin_line(ValueError(text))[1].endswith("deep.py, line 7, in hides")
    assert plugin_line(ValueError('File "/elsewhere.py", line 7, in f')) is None
