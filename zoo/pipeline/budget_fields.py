"""Budgets of a recipe: what each file may take on a device at most."""

from __future__ import annotations

from typing import Annotated, Any

from zoo.contracts.declaration import EMPTY, Fields, Option, Reader


def _limits(table: Any) -> Any:
    """Budgets of one device: every limit must be one; what is no table, validation refuses."""
    from zoo.benchmark.compare.budgets import budget_for
    from zoo.common.errors import UsageError

    if not isinstance(table, dict):
        return table
    for name, limit in table.items():
        if not isinstance(limit, str):
            raise ValueError(f'{name} must be text with a unit, such as {name} = "20ms"')
        try:
            budget_for(name, limit)
        except UsageError as error:
            raise ValueError(f"{error.what}; {error.fix}") from error
    return table


class BudgetsFields(Fields):
    """What each file may take on a device at most."""

    budgets: Annotated[
        dict[str, Annotated[dict[str, str], Reader(_limits)]],
        Option(
            "What each file may take on a device at most",
            more="see verdicts.md",
            no_flag="each device has a table of its own; `zoo bench --budget` judges files",
            example={"host": {"p90": "20ms", "size": "300kB"}},
        ),
    ] = EMPTY
