"""What is published: description, extras, citation, the files of both distributions."""

from __future__ import annotations

import gzip
import io
import re
import runpy
import tarfile
import tomllib
from fnmatch import fnmatch
from types import SimpleNamespace

import pytest
from makers import ROOT

from zoo.common.extras import EXTRA_OF, RUN

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINKED = "See [the gate](docs/gate.md#why), [elsewhere](https://example.org/x) and [here](#here)."


def program(file: str) -> SimpleNamespace:
    """What a program outside of the package defines."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / file)))


def test_description_has_no_link_that_a_package_index_could_not_follow():
    described = program("setup.py").description
    page = described((ROOT / "README.md").read_text(), None, "1.0")
    assert "](docs/" not in page
    assert "docs/gate.md" in page
    kept = "[elsewhere](https://example.org/x) and [here](#here)."
    assert described(LINKED, None, "1.0") == f"See the gate, {kept}"
    absolute = "[the gate](https://example.org/zoo/blob/v1.0/docs/gate.md#why)"
    assert described(LINKED, "https://example.org/zoo/", "1.0") == f"See {absolute}, {kept}"


def test_extra_for_files_that_are_made_holds_no_converter():
    extra = PROJECT["optional-dependencies"]["run"]
    names = {re.split(r"[>=<]", one)[0] for one in extra}
    assert names == {"ai-edge-litert", "onnx", "onnxruntime", "pillow"}
    own = {extra for module in RUN for extra in [EXTRA_OF[module]]}
    asked = {one for name in own for one in PROJECT["optional-dependencies"][name]}
    assert set(extra) <= asked, "the same limits as in the extras of making"
    pinned = (ROOT / "requirements/run.txt").read_text()
    assert all(f"\n{name}==" in f"\n{pinned}" for name in names)
    assert not re.search("^(tensorflow|keras|tf2onnx|matplotlib|scipy)==", pinned, re.MULTILINE)


def test_pinned_versions_have_hashes_and_name_no_registry():
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        text = file.read_text()
        if file.name != "torch.txt":  # where its special build lies is the reader's to say
            assert "://" not in text, file.name
        for entry in re.split(r"\n(?=[a-z])", text):
            assert "--hash=sha256:" in entry, f"{file.name}: {entry[:60]}"


def test_tools_of_tests_come_with_all_that_is_installed_without_them():
    """`make` takes an environment of the one for one of the other."""
    pins = re.compile(r"^\S+==\S+", re.MULTILINE)
    all_, dev = (
        set(pins.findall((ROOT / f"requirements/{name}.txt").read_text()))
        for name in ("all", "dev")
    )
    assert len(all_) > 20
    assert all_ <= dev


def test_citation_speaks_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation
    assert f"name: {PROJECT['authors'][0]['name']}\n" in citation


def test_source_distribution_takes_every_folder_of_the_project():
    rules = [line.split() for line in (ROOT / "MANIFEST.in").read_text().splitlines()]
    grafted = {folder for rule in rules if rule[:1] == ["graft"] for folder in rule[1:]}
    patterns = [p for rule in rules if rule[:1] == ["include"] for p in rule[1:]]
    # setuptools takes these by itself, and adds the others.
    patterns += ["LICENSE", "pyproject.toml", "setup.py", "MANIFEST.in", "PKG-INFO", "setup.cfg"]
    ignored = (ROOT / ".gitignore").read_text().split()
    for path in ROOT.iterdir():
        if path.name == ".git" or any(fnmatch(path.name, one.rstrip("/")) for one in ignored):
            continue
        here = (
            path.name in grafted if path.is_dir() else any(fnmatch(path.name, p) for p in patterns)
        )
        assert here, f"MANIFEST.in leaves out {path.name}"


def test_workflows_run_pinned_code_with_least_rights():
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        text = file.read_text()
        used = re.findall(r"uses: (\S+)(.*)", text)
        assert used, file.name
        for action, remark in used:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), f"{file.name}: {action}"
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", remark), f"{file.name}: {action} {remark}"
        assert "\npermissions:\n  contents: read\n" in text, file.name
        # An expression in a script is a way to run what somebody names a branch.
        assert not re.search(r"run: .*\$\{\{", text), file.name
        assert "secrets." not in text, f"{file.name}: publishing takes no token"
        assert all(f"{name}:" in text for name in ("timeout-minutes", "runs-on")), file.name


def packed(files: dict[str, int], *, link: bool = False) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as target:
        for name, time in files.items():
            found = tarfile.TarInfo(name)
            found.mtime, found.uid, found.uname, found.size = time, time, "me", len(name)
            found.mode = 0o700 if name.endswith("run") else 0o600
            target.addfile(found, io.BytesIO(name.encode()))
        if link:
            found = tarfile.TarInfo("link")
            found.type, found.linkname = tarfile.SYMTYPE, "/etc/passwd"
            target.addfile(found)
    return made.getvalue()


def test_source_distributions_of_one_commit_are_the_same_to_the_byte():
    release = program("tools/release.py")
    one, other = packed({"a/x": 1, "a/run": 2}), packed({"a/run": 5, "a/x": 9})
    made = release.normalized(one, 1_700_000_000)
    assert made == release.normalized(other, 1_700_000_000)
    assert made != release.normalized(packed({"a/y": 1, "a/run": 2}), 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(made))) as found:
        assert [(m.name, m.mode, m.mtime, m.uid, m.uname) for m in found] == [
            ("a/run", 0o755, 1_700_000_000, 0, ""),
            ("a/x", 0o644, 1_700_000_000, 0, ""),
        ]
    with pytest.raises(SystemExit, match="link is neither"):
        release.normalized(packed({}, link=True), 0)


def test_a_build_that_warns_is_seen():
    warnings_in = program("tools/release.py").warnings_in
    assert warnings_in("copying a.py\nadding 'zoo/LICENSE'\n") == []
    assert len(warnings_in("x\n  SetuptoolsDeprecationWarning: y\nwarning: no files found\n")) == 2
