"""The Hugging Face hub's own client: its addresses, tokens and mirrors; errors in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.downloads import DownloadFailed
from zoo.common.errors import UsageError, first_line
from zoo.common.optional_imports import require
from zoo.common.paths import OFFLINE_VARIABLE, is_offline

PREFIX = "hf:"
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_REFUSED = {401, 403}


def repository_named(name: str) -> str:
    """``owner/name`` of ``hf:owner/name``.

    Raises:
        UsageError: It is no such name, or the network is forbidden.
    """
    repository = name.removeprefix(PREFIX)
    odd = "--" in repository or ".." in repository or repository.endswith((".git", "."))
    if not name.startswith(PREFIX) or not _NAME.fullmatch(repository) or odd:
        raise UsageError(f"{name!r} names no repository", fix="write hf:OWNER/NAME")
    if is_offline():
        raise UsageError(
            f"{name} cannot be reached",
            why=f"--offline or {OFFLINE_VARIABLE} forbids the network",
            fix=f"leave out --offline, or unset {OFFLINE_VARIABLE}",
        )
    return repository


def client() -> Any:
    """What asks the hub; `HF_ENDPOINT` and `HF_TOKEN` are its own variables.

    Raises:
        MissingExtra: The client is not installed.
    """
    endpoint = os.environ.get("HF_ENDPOINT") or None
    return require("huggingface_hub").HfApi(endpoint=endpoint, library_name="edgezoo")


@contextmanager
def in_our_words(name: str, doing: str) -> Iterator[None]:
    """Turns what the client raises into errors that never hold the token.

    That a repository lacks a file is left to the caller: the client's `EntryNotFoundError`.

    Raises:
        UsageError: The repository is not there, or may not be used by who asks.
        DownloadFailed: The hub did not respond, or refused.
    """
    errors = require("huggingface_hub.errors")
    try:
        yield
    except errors.HFValidationError as error:
        raise UsageError(f"{name} names no repository", why=_said(error)) from None
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{name} is given to those alone whom its owner allows",
            why=_said(error),
            fix="ask for it on its page, then HF_TOKEN or `hf auth login`",
        ) from None
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"{name} is not there, or is private",
            why=_said(error),
            fix="check the name; of a private one, HF_TOKEN or `hf auth login`",
        ) from None
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"{name} has no such revision", why=_said(error)) from None
    # HTTPError is that of the client's HTTP library, of which one version's is no OSError.
    except (errors.HTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        local = isinstance(error, errors.LocalEntryNotFoundError)
        if isinstance(error, errors.EntryNotFoundError) and not local:
            raise
        status = _status(error)
        if status in _REFUSED:
            raise UsageError(
                f"{name} may not be written or read by you",
                why=_said(error),
                fix="a token with that right in HF_TOKEN, or by `hf auth login`",
            ) from None
        if status == 412:
            raise changed_meanwhile(name, _said(error)) from None
        raise DownloadFailed(
            f"{name} could not be {doing}",
            why=_said(error),
            fix="check the network and its proxy, and try again: nothing is transferred twice",
        ) from None


def changed_meanwhile(name: str, why: str = "") -> UsageError:
    """Of a repository that got a commit of another program while ours was prepared."""
    return UsageError(
        f"{name} was changed by somebody else meanwhile",
        why=why or "files of the same names are there now",
        fix="look at it, then push again",
    )


def _status(error: BaseException | None) -> int | None:
    """The HTTP status behind an error; the client wraps it where it looks for a copy of its own."""
    while error is not None:
        status: int | None = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return status
        error = error.__cause__
    return None


def _said(error: Exception) -> str:
    """The first line of an error, without the token."""
    token = require("huggingface_hub").get_token()
    text = first_line(error)
    return text.replace(token, "…") if token else text
