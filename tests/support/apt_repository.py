"""A repository of tiny packages on this machine, for the real apt."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

TOOLS = ("apt-get", "apt-cache", "dpkg-deb")


def why_not() -> str:
    """Why apt cannot be tested here; empty where it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(missing)} is missing" if missing else ""


class Repository:
    """Packages that hold one file each; apt is told of it by `settings`, and of nothing else."""

    def __init__(self, folder: Path, architecture: str = "arm64") -> None:
        self.folder = folder
        self.architecture = architecture
        self.packages = folder / "packages"
        self.packages.mkdir(parents=True)
        self.settings = folder / "test-apt.conf"
        sources = folder / "sources"
        (sources / "parts").mkdir(parents=True)
        (sources / "sources.list").write_text(f"deb [trusted=yes] copy:{self.packages} ./\n")
        self.settings.write_text(
            f'Dir::Etc::sourcelist "{sources}/sources.list";\n'
            f'Dir::Etc::sourceparts "{sources}/parts";\n'
        )

    def add(self, name: str, path: str, content: bytes, needs: str = "") -> Path:
        """A package that lays `content` at `path`."""
        tree = self.folder / "trees" / name
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_bytes(content)
        (tree / "DEBIAN").mkdir()
        control = (
            f"Package: {name}\nVersion: 1:1.0-1\nArchitecture: {self.architecture}\n"
            f"Maintainer: tests <tests@example.org>\nDescription: for tests\n"
            + (f"Depends: {needs}\n" if needs else "")
        )
        (tree / "DEBIAN" / "control").write_text(control)
        file = self.packages / f"{name}_1.0-1_{self.architecture}.deb"
        subprocess.run(
            ("dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)),
            check=True,
            capture_output=True,
        )
        with (self.packages / "Packages").open("a") as listed:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            listed.write(
                f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\n"
                f"SHA256: {digest}\n\n"
            )
        return file
