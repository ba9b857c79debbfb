"""What users type for networks that a source knows by name: ``keras:NAME?weights=FILE&size=96``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from zoo.common.downloads import DownloadFailed, digests_of, download
from zoo.common.errors import UnknownName, UsageError, nearest
from zoo.common.paths import OFFLINE_VARIABLE, is_offline
from zoo.common.progress import OnEvent
from zoo.networks.published.pins import pin, pinned

#: In the place of a file of weights: none are loaded.
RANDOM = "random"
#: Sides of images that a network can be built for.
_SIZES = (32, 1024)
#: Classes that random weights can be made for; a hundred times what networks are trained for.
_MOST_CLASSES = 100_000
_OFFERED = 3


def split_options(
    reference: str, prefix: str, allowed: Iterable[str], example: str
) -> tuple[str, dict[str, str]]:
    """The name in a reference, and its options.

    Args:
        reference: As typed.
        prefix: Of the source: ``keras:``.
        allowed: Names of the options that it has.
        example: A value of ``weights``, for messages: ``FILE.h5``.

    Raises:
        UnknownName: Another option.
        UsageError: One twice, or without a value.
    """
    name, _, query = reference.removeprefix(prefix).partition("?")
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        # As in the names of datasets, %26 stands for &.
        key, _, value = map(unquote, part.partition("="))
        if key not in allowed:
            raise UnknownName(f"option of {prefix}{name}", key, allowed)
        if not value or key in options:
            raise UsageError(
                f"{reference}: {key} {'is given twice' if value else 'has no value'}",
                fix=f"write each once, as in {prefix}{name}?weights={example}&size=96",
            )
        options[key] = value
    return name, options


def unknown_network(kind: str, name: str, known: Iterable[str], pattern: str) -> UnknownName:
    """The error for a name that no network of a source has; offers the nearest.

    Names of two libraries differ in signs most of all (``mobilenet_v2``, ``mobilenetv2_100``), and
    what is typed is often the beginning of a long name.

    Args:
        kind: What the names are of, in messages.
        name: As typed.
        known: All that may be typed.
        pattern: That ``zoo list`` lists them by.
    """
    plain: dict[str, str] = {}
    for one in sorted(known, key=lambda one: (len(one), one)):
        plain.setdefault(_letters(one), one)
    asked = _letters(name)
    close = [one for letters, one in plain.items() if asked and letters.startswith(asked)]
    if asked in plain:
        close = [plain[asked]]
    elif asked and not close:
        lengths = [len(asked) + more for more in (-1, 0, 1, 2)]
        heads: dict[str, list[str]] = {}
        for letters, one in plain.items():
            for head in {letters[:length] for length in lengths}:
                heads.setdefault(head, []).append(one)
        close = [one for head in nearest(asked, heads, count=1) for one in heads[head]]
    listed = f'zoo list "{pattern}" lists all'
    offered = " or ".join(map(repr, close[:_OFFERED]))
    error = UnknownName(
        kind, name, (), fix=f"did you mean {offered}? {listed}" if close else listed
    )
    error.suggestions = close[:_OFFERED]
    return error


def _letters(name: str) -> str:
    # What stands before a colon is common to all names of a source, and no likeness.
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition(":")[2])


def size_of(
    reference: str, named: str, options: Mapping[str, str], usual: int, most: int = _SIZES[1]
) -> int:
    """Height and width of a network's images.

    Args:
        reference: As typed.
        named: The reference without its options.
        options: May have ``size``.
        usual: Without it.
        most: The largest that can be asked for.

    Raises:
        UsageError: A size that no network takes.
    """
    size = options.get("size", str(usual))
    most = max(most, usual)
    if not re.fullmatch(r"[0-9]{1,4}", size) or not _SIZES[0] <= int(size) <= most:
        raise UsageError(
            f"{reference}: {size!r} is no size of images",
            why=f"height and width are one number, {_SIZES[0]} to {most}",
            fix=f"for example {named}?size=96",
        )
    return int(size)


def classes_of(
    reference: str, named: str, options: Mapping[str, str], *, random: bool
) -> int | None:
    """How many classes random weights are made for; None where that was not asked for.

    Args:
        reference: As typed.
        named: The reference without its options.
        options: May have ``classes``.
        random: Whether its weights are random ones.

    Raises:
        UsageError: A number that no network has, or weights that have classes of their own.
    """
    text = options.get("classes")
    if text is None:
        return None
    if not random:
        raise UsageError(
            f"{reference}: classes are those of its weights",
            why="a number of them can only be chosen for random weights",
            fix="leave it out; a new head for the classes of your data is trained with --epochs 3",
        )
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 < int(text) <= _MOST_CLASSES:
        raise UsageError(
            f"{reference}: {text!r} is no number of classes",
            fix=f"for example {named}?weights={RANDOM}&classes=10",
        )
    return int(text)


def fetch_weights_of(
    named: str, url: str, path: Path, expected: str, by_hand: str, emit: OnEvent
) -> None:
    """Downloads the published weights of a network unless they are here, intact.

    Where their publisher gives no hash, the one that was seen first must come again.

    Args:
        named: The network, in messages: ``keras:MobileNetV2``.
        url: Their address.
        path: Where they are put.
        expected: ``sha256:…`` or ``md5:…``; empty where there is none.
        by_hand: What to do without a network.
        emit: Receives progress.

    Raises:
        UsageError: The network is forbidden, and they are not here.
        DownloadFailed: They cannot be had.
        HashMismatch: Another file came than the published one.
    """
    expected = expected or pinned(url)
    if path.is_file() and (not expected or digests_of(path).matches(expected)):
        return
    refuse_offline(named, url, by_hand)
    emit({"event": "stage", "text": f"downloading {url}"})

    def progress(done: int, total: int) -> None:
        if total:
            emit({"event": "progress", "done": done, "total": total})

    try:
        digests = download(url, path, expected, progress)
    except DownloadFailed as error:
        raise DownloadFailed(error.what, why=error.why, fix=by_hand) from error
    pin(url, digests.sha256)


def refuse_offline(named: str, url: str, by_hand: str) -> None:
    """Refuses to go on where the network is forbidden; the weights of `named` lie at `url`.

    Raises:
        UsageError: It is.
    """
    if is_offline():
        raise UsageError(
            f"the weights of {named} are not on this machine",
            why=f"they are {url}, and --offline or {OFFLINE_VARIABLE} forbids the network",
            fix=by_hand,
        )
