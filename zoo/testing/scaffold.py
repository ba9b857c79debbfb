"""A new plugin as a distribution of its own, which works from its first minute."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from zoo.common.errors import UsageError
from zoo.common.files import cannot_write
from zoo.registry import Registry

#: Stricter than what a record allows: the name becomes a distribution's, too.
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 40
RULE = (
    "use lower-case letters and digits, with single '-' or '_' between them, beginning with a "
    f"letter, {_LONGEST} characters at most"
)
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """What was written.

    Attributes:
        files: Names of the files in `folder`.
    """

    folder: Path
    family: str
    variant: str
    files: tuple[str, ...]

    def next_commands(self) -> tuple[str, ...]:
        """What to type next, in order."""
        return (
            f"pip install --editable {self.folder}",
            f"zoo plugins check {self.family}",
            f"pytest {self.folder}",
            f"zoo ship {self.variant} --data digits --from-scratch",
        )


def write_plugin(name: str, output: Path, registry: Registry) -> Scaffold:
    """Writes the distribution ``zoo-NAME`` into `output`; all of it, or nothing.

    Args:
        name: Of the family.
        output: Folder in which the distribution gets a folder of its own.
        registry: Tells which names are taken.

    Raises:
        UsageError: The name is unusable or taken, or the folder is there already.
    """
    check_free(name, registry)
    module = f"zoo_{name.replace('-', '_')}"
    variant = f"{name}28"
    target = output / f"zoo-{name}"
    if os.path.lexists(target):
        raise UsageError(
            f"{target} is there already",
            why="what you wrote there is not to be lost",
            fix="choose another name, or another folder with --output",
        )
    sources = {
        "README.md": "README.md",
        "pyproject.toml": "pyproject.toml",
        f"{module}.py": "module.py",
        f"test_{module}.py": "test.py",
    }
    values = {"name": name, "module": module, "variant": variant}
    try:
        output.mkdir(parents=True, exist_ok=True)
        # In a folder beside it first: a distribution that is there by half would not work.
        draft = Path(tempfile.mkdtemp(prefix=f".zoo-{name}-", dir=output))
        try:
            for file, source in sources.items():
                text = (_TEMPLATES / f"{source}.template").read_text(encoding="utf-8")
                (draft / file).write_text(Template(text).substitute(values), encoding="utf-8")
            draft.chmod(0o777 & ~_umask())
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise cannot_write(target, error) from error
    return Scaffold(folder=target, family=name, variant=variant, files=tuple(sorted(sources)))


def check_free(name: str, registry: Registry) -> None:
    """Refuses a name that cannot be used, or that something else provides.

    Raises:
        UsageError: Says the rule, or who has the name.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(f"{name!r} is no usable name for a plugin", fix=RULE)
    for names in registry.all_names():
        for wanted in (name, f"{name}28"):
            taken = names.kind in ("architecture", "model") and wanted in names.names()
            if taken:
                raise UsageError(
                    f"the name {wanted!r} is taken by another {names.kind}",
                    why="two providers of one name are an error",
                    fix="choose another name; `zoo list` shows those that are taken",
                )


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
