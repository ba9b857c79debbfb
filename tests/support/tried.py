"""Files that are tried in a page, and what the page says then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chromium import Browser

from zoo.common.files import sha256_of
from zoo.server.page import file_path

#: What the page says, with every number whole.
TOLD = """
(() => {
  const section = document.getElementById("try-it");
  const told = (cell) => cell.querySelector("data")?.value ?? cell.textContent;
  const cells = (row) => Array.from(row.cells, told);
  return {
    state: section.querySelector(".state").textContent,
    golden: section.querySelector(".golden-state").textContent,
    best: Array.from(section.querySelectorAll(".best-answer"), (one) => one.textContent),
    rows: Array.from(section.querySelectorAll(".answer tbody tr"), cells),
  };
})()
"""


@dataclass
class Pages:
    """A browser on a server's pages, and the files that these are of."""

    shown: Browser
    address: str
    files: dict[str, Path]

    def open(self, name: str) -> None:
        path = self.files[name]
        self.shown.visit(f"{self.address}{file_path(sha256_of(path))}")

    def give(self, path: Path) -> dict:
        """What the page says of a file that its reader chooses."""
        self.shown.evaluate("document.getElementById('try-it').dataset.done = ''")
        self.shown.choose_file("#try-it input[type=file]", path)
        self.shown.wait_for("document.getElementById('try-it').dataset.done")
        return dict(self.shown.evaluate(TOLD))

    def act(self, script: str) -> dict:
        """What the page says after a script that gives it something."""
        self.shown.evaluate(script)
        self.shown.wait_for("document.getElementById('try-it').dataset.done")
        return dict(self.shown.evaluate(TOLD))
