"""What each record of a latency is about, in indexed columns; also of those recorded before."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"

_PAGE = 1000
#: What a whole number of PostgreSQL holds.
_MOST = 2**31 - 1


def upgrade() -> None:
    """Makes the table, fills it from the records, and protects it like them."""
    is_server = op.get_context().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_server else sa.Text()
    measured = op.create_table(
        "measured",
        sa.Column("record", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, text, nullable=False) for name in ("run", "file", "device", "runtime")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("threads", "batch")),
        sa.Column("shapes", sa.Text, nullable=False),
    )
    _fill(measured)
    # Sorted once they are complete, which takes less than to keep them sorted.
    place = ["file", "device", "runtime", "threads", "batch", "shapes", "record"]
    op.create_index("ix_measured_file", "measured", place)
    op.create_index("ix_measured_run", "measured", ["run", "record"])
    op.create_index("ix_measured_device", "measured", ["device", "file", "record"])
    if is_server:
        op.execute(
            "CREATE TRIGGER measured_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON measured "
            "FOR EACH STATEMENT EXECUTE FUNCTION zoo_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER measured_no_{action.lower()} BEFORE {action} ON measured "
            "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER measured_no_replace BEFORE INSERT ON measured "
        "WHEN EXISTS (SELECT 1 FROM measured WHERE record = NEW.record) "
        "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END"
    )


def _fill(measured: sa.Table) -> None:
    names: list[sa.ColumnClause[object]] = [sa.column(n) for n in ("id", "run", "body")]
    where = (sa.column("kind") == "bench", sa.column("status") == "passed")
    query = sa.select(*names).select_from(sa.table("records")).where(*where)
    connection, last = op.get_bind(), 0
    while True:
        page = query.where(names[0] > last).order_by(names[0]).limit(_PAGE)
        found = connection.execute(page).all()
        if not found:
            return
        last = found[-1].id
        rows = [row for one in found if (row := _row(one.id, one.run, one.body)) is not None]
        if rows:
            connection.execute(measured.insert(), rows)


def _row(number: int, run: str, body: str) -> dict[str, object] | None:
    try:
        result = json.loads(body)["result"]
        texts = {name: str(result[name]) for name in ("file", "device", "runtime")}
        counts = {"threads": int(result["threads"]), "batch": int(result.get("batch", 1))}
        shapes = json.dumps(result.get("shapes") or {}, sort_keys=True)
        if len(shapes) > 500:
            shapes = hashlib.sha256(shapes.encode()).hexdigest()
        kept = {name: _plain(text) for name, text in texts.items()}
        if result.get("summaries"):
            return None
        if not all(abs(count) <= _MOST for count in counts.values()):
            return None
    # Whatever the JSON of another program holds: nested too deep, or a number without end.
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return {"record": number, "run": run, **kept, **counts, "shapes": shapes}


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
