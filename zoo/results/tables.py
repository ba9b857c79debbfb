"""The tables of the results store, as its last migration leaves them.

`measured` says of each record of a latency what it is about, in columns with indexes, so that
nobody reads all records to find the newest of a file on a device.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

#: Today's schema; `zoo.results.migrations` leads to it.
METADATA = sa.MetaData()

#: SQLite does not count characters.
_NAME = sa.String(200).with_variant(sa.Text, "postgresql")
#: Compared byte by byte, so that names that begin alike are a range of the index.
_PATH = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

RECORDS = sa.Table(
    "records",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", _NAME, nullable=False, index=True),
    sa.Column("step", _NAME, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False, index=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("token", sa.String(32), index=True, unique=True),
)

SAMPLES = sa.Table(
    "samples",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("nanoseconds", sa.LargeBinary, nullable=False),
)

MEASURED = sa.Table(
    "measured",
    METADATA,
    sa.Column("record", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run", _PATH, nullable=False),
    sa.Column("file", _PATH, nullable=False),
    sa.Column("device", _PATH, nullable=False),
    sa.Column("runtime", _PATH, nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("batch", sa.Integer, nullable=False),
    sa.Column("shapes", sa.Text, nullable=False),
    sa.Index("ix_measured_run", "run", "record"),
    sa.Index("ix_measured_device", "device", "file", "record"),
    # All that tells the newest of each place, so that nothing but the index is read.
    sa.Index(
        "ix_measured_file",
        *("file", "device", "runtime"),
        *("threads", "batch", "shapes"),
        "record",
    ),
)

#: The kind of the records that `measured` is about.
TIMED = "bench"
#: Longer shapes are told apart by their SHA-256: an index takes no long texts.
LONGEST_SHAPES = 500
#: What a whole number of PostgreSQL holds.
MOST = 2**31 - 1


def measured_row(number: int, run: str, body: str) -> dict[str, Any] | None:
    """The row of `measured` for a record; None for one that no latency can be compared with.

    Args:
        number: Of the record.
        run: That it belongs to.
        body: Its JSON.
    """
    try:
        result = json.loads(body)["result"]
        texts = {name: plain_text(str(result[name])) for name in ("file", "device", "runtime")}
        counts = {"threads": int(result["threads"]), "batch": int(result.get("batch", 1))}
        shapes = json.dumps(result.get("shapes") or {}, sort_keys=True)
        if len(shapes) > LONGEST_SHAPES:
            shapes = hashlib.sha256(shapes.encode()).hexdigest()
        if result.get("summaries"):
            return None  # A vendor's tool keeps nothing to compare.
        if not all(abs(count) <= MOST for count in counts.values()):
            return None
    # Whatever the JSON of another program holds: nested too deep, or a number without end.
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return {"record": number, "run": run, **texts, **counts, "shapes": shapes}


def index_record(connection: sa.Connection, number: int, row: Mapping[str, Any]) -> None:
    """Says in columns what a latency was measured of; `row` is that of its record."""
    if row["kind"] == TIMED and row["status"] == "passed":
        place = measured_row(number, row["run"], row["body"])
        if place is not None:
            connection.execute(MEASURED.insert(), place)


def plain_text(name: str) -> str:
    """A name as every database takes it: no zero, and valid UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
