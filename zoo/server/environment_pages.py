"""The page of an environment, to which all figures that were taken in it link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from zoo.report.environment import environment_rows
from zoo.server.catalogue import Catalogue
from zoo.server.page import Page, environment_path


class EnvironmentPages:
    """Pages of environments."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def paths(self) -> Iterator[str]:
        """Of all of them."""
        yield from map(environment_path, self._catalogue.environments)

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        name = path.removeprefix("environments/").rstrip("/")
        found = self._catalogue.environments.get(name)
        if found is None or path != environment_path(name):
            return None
        timed = [
            timing.measurement.device
            for entry in self._catalogue.files.values()
            for timing in entry.timings
            if timing.environment == name
        ]
        return Page(
            path=path,
            template="environment.html",
            title=f"Environment {name}",
            section="Devices",
            data={"environment": found, "latencies": len(timed)},
            values={
                "rows": environment_rows(found),
                "latencies": len(timed),
                "devices": sorted(set(timed)),
            },
        )
