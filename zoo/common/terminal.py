"""Output to a terminal, without control sequences in the text and without passwords.

`guarded` puts a writer in the place of the standard streams, so that messages of libraries,
warnings and tracebacks pass it, too. Styles and the drawing of live lines are our own: `echo` and
`console` apply them to text that is clean already.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO, cast

from zoo.common.shown_text import printable, printable_lines, without_passwords

if TYPE_CHECKING:  # rich is loaded when something is drawn with it
    from _typeshed import ReadableBuffer as Buffer
    from rich.console import Console, RenderableType

#: Our own signs on terminals whose encoding lacks them.
_WITHOUT = str.maketrans(
    {
        "–": "-",
        "−": "-",
        "×": "x",
        "µ": "u",
        "±": "+-",
        "Δ": "change",
        "…": ".",
        "∞": "inf",
        "→": "->",
        "✓": "ok",
        "✗": "--",
        "\N{NO-BREAK SPACE}": " ",
    }
)
#: Switch off progress bars of libraries, which are drawn by control characters.
_NO_BARS = {
    "TQDM_DISABLE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}
_STYLES: dict[str, dict[str, Any]] = {
    "heading": {"bold": True},
    "error": {"fg": "red", "bold": True},
}

_ELEMENT = '<pre style="line-height:1.3;margin:0;white-space:pre;overflow-x:auto">{code}</pre>'

#: How progress is shown: drawn where there is a terminal, in lines everywhere, or not at all.
Progress = Literal["drawn", "lines", "none"]
_progress: list[Progress] = []
#: Where our own output goes while standard output is reserved for it.
_reserved: list[TextIO] = []


class CleanStream:
    """A text stream that writes control characters as their escapes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes lines; as the streams of Python do, it returns the number of letters given."""
        clean = printable_lines(without_passwords(text))
        self.stream.write(encodable(clean, self.stream))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes each text."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """False: libraries leave out colours and bars of progress, which would be escapes here."""
        return False

    @property
    def buffer(self) -> io.RawIOBase:
        """The same for UTF-8."""
        return _CleanBytes(self)

    def __getattr__(self, name: str) -> Any:
        # Neither may open a way around this class.
        if name in ("detach", "reconfigure"):
            raise AttributeError(name)
        return getattr(self.stream, name)


class _CleanBytes(io.RawIOBase):
    def __init__(self, above: CleanStream) -> None:
        super().__init__()
        self._above = above

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        content = bytes(data)
        self._above.write(content.decode("utf-8", "surrogateescape"))
        return len(content)

    def flush(self) -> None:
        self._above.flush()


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Standard output and standard error are `CleanStream` while the block runs."""
    for name, value in _NO_BARS.items():
        os.environ.setdefault(name, value)
    streams = sys.stdout, sys.stderr
    # Either is missing when a program closed it before starting us.
    sys.stdout, sys.stderr = (
        s if s is None else cast("TextIO", CleanStream(_below(s))) for s in streams
    )
    try:
        yield
    finally:
        _reserved.clear()
        _progress.clear()
        sys.stdout, sys.stderr = streams


def set_progress(shown: Progress) -> None:
    """How standard error shows progress from now on, until the block of `guarded` ends."""
    _progress[:] = [shown]


def note(text: str) -> None:
    """Writes one line that is no result and no error to standard error, unless progress is off."""
    if _progress != ["none"]:
        echo(f"note: {text}", err=True)


def reserve_output() -> None:
    """Standard output is our own from now on: what others print, in native code too, is an error's.

    It lasts until the block of `guarded` ends. The file itself stays with standard error until the
    process ends, since what a program prints at its end would be behind our output.
    """
    if _reserved or not isinstance(sys.stdout, CleanStream):
        return
    own = sys.stdout.stream
    own.flush()
    with contextlib.suppress(OSError):  # no file, or one that was closed by whoever started us
        if own.fileno() == 1:
            own = os.fdopen(os.dup(1), "w", encoding=own.encoding, errors=own.errors, buffering=1)
            os.dup2(2, 1)
    _reserved.append(own)
    sys.stdout = sys.stderr


def discard_output() -> None:
    """Nothing reads our output any more: what is still buffered is dropped, without complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, *(stream.fileno() for stream in _reserved)):
        os.dup2(nowhere, number)


def echo(*texts: tuple[str, str] | str, err: bool = False) -> None:
    """Writes one line, whatever names are in it; line breaks in front of it are empty lines.

    Args:
        texts: Its pieces, each with a style where it is a pair: ``("error: ", "error")``.
        err: To standard error.
    """
    pieces = [(text, "") if isinstance(text, str) else text for text in texts]
    first = pieces[0][0] if pieces else ""
    empty = len(first) - len(first.lstrip("\n"))
    if empty:
        pieces[0] = (first[empty:], pieces[0][1])
    _write("\n" * empty, [(printable(text), style) for text, style in pieces], err)


def echo_lines(*texts: tuple[str, str] | str, err: bool = False) -> None:
    """Writes text of several lines, which is our own or whose line breaks are meant."""
    pieces = [(text, "") if isinstance(text, str) else text for text in texts]
    _write("", [(printable_lines(text), style) for text, style in pieces], err)


def _write(before: str, pieces: Sequence[tuple[str, str]], err: bool) -> None:
    import click

    stream = _stream(err)
    if stream is None:
        return
    below = _below(stream)
    styled = below.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    line = before
    for text, style in pieces:
        shown = encodable(without_passwords(text), below)
        line += click.style(shown, **_STYLES[style]) if styled and style else shown
    below.write(f"{line}\n")
    below.flush()


def drawn(renderable: RenderableType, width: int) -> tuple[str, str]:
    """What a console would draw, as text and as an HTML element."""
    page = console(page=width)
    page.print(renderable)
    text = page.export_text(clear=False).rstrip()
    return text, page.export_html(inline_styles=True, code_format=_ELEMENT)


def console(*, err: bool = False, quiet: bool = False, page: int | None = None) -> Console:
    """A console of rich that takes text as it is: no markup, no links, no control characters.

    Args:
        err: For standard error, where it shows progress as `set_progress` was told.
        quiet: Writes nothing.
        page: Columns of a page that is kept in memory; None for a stream.
    """
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

    class CleanConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for piece in super().render(renderable, options):
                if piece.control:  # rich's own, which draw live lines
                    yield piece
                    continue
                clean = printable_lines(without_passwords(piece.text))
                text = encodable(clean, self.file)
                style = piece.style and piece.style.update_link(None)
                yield Segment(text, style)

    stream = io.StringIO() if page is not None else _stream(err)
    return CleanConsole(
        file=None if stream is None else _below(stream),
        stderr=err,
        record=page is not None,
        width=page,
        quiet=quiet or (err and _progress == ["none"]),
        force_terminal=False if err and _progress == ["lines"] else None,
        highlight=False,
        markup=False,
        emoji=False,
        # A notebook has an output of its own, `zoo.report.notebook`.
        force_jupyter=False,
    )


def is_shown() -> bool:
    """Whether standard error is a terminal, where progress is looked at."""
    return sys.stderr is not None and _below(sys.stderr).isatty()


def at_terminal() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    streams = (sys.stdin, sys.stderr)
    return all(s is not None and _below(s).isatty() for s in streams)


def width() -> int | None:
    """Columns of the terminal that our output goes to; None for a pipe or a file."""
    stream = _stream(err=False)
    if stream is None or not _below(stream).isatty():
        return None
    return shutil.get_terminal_size().columns


def encodable(text: str, stream: IO[str] | None = None) -> str:
    """The text in letters that a stream (standard output, if none is given) can write."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_WITHOUT)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def cell(text: str) -> str:
    """The text of a table's cell as it will be written, so that it can be measured."""
    return encodable(printable(text))


def _stream(err: bool) -> TextIO | None:
    """Standard error, or what our own output goes to; None where there is neither."""
    return sys.stderr if err else next(iter(_reserved), sys.stdout)


def _below(stream: TextIO) -> TextIO:
    return stream.stream if isinstance(stream, CleanStream) else stream
