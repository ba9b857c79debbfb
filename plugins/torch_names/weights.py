"""Published weights of timm and torchvision, downloaded and verified here, not by them."""

from __future__ import annotations

import os
import re

from zoo.common.downloads import DownloadFailed, open_url
from zoo.common.files import write_text
from zoo.common.progress import OnEvent
from zoo.contracts.weights import hash_in_name
from zoo.networks.published.pins import pinned
from zoo.networks.sources.named import fetch_weights_of, refuse_offline

from .references import NameReference, parse, weights_file
from .table import HUB, hub_address

#: Environment variable of the hub's own clients: the address of a mirror.
_ENDPOINT = "HF_ENDPOINT"
#: The hub keeps large files by a pointer of three lines.
_MOST_POINTER = 1024
_DIGEST = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.M)


def fetch_weights(reference: str, emit: OnEvent) -> None:
    """Downloads the published weights unless they are here.

    Raises:
        UsageError: The network is forbidden, and they are not here.
        DownloadFailed: They cannot be had.
        HashMismatch: Another file came than the published one.
    """
    found, path = parse(reference), weights_file(reference)
    network = found.network
    if found.random:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, found.random_text)
        return
    if found.weights is not None:
        return
    by_hand = f"download it elsewhere, and name it: {network.reference}?weights=FILE"
    url, expected = network.url, hash_in_name(network.url)
    if network.repository:
        host = os.environ.get(_ENDPOINT, HUB).rstrip("/")
        url = hub_address(network.repository, host)
        expected = pinned(url)
        if not expected:
            refuse_offline(network.reference, url, by_hand)
            expected = _hash_in_pointer(hub_address(network.repository, host, "raw"), by_hand)
    fetch_weights_of(network.reference, url, path, expected, by_hand, emit)


def _hash_in_pointer(url: str, by_hand: str) -> str:
    """``sha256:…`` of a large file of the hub."""
    try:
        with open_url(url) as answer:
            text = answer.read(_MOST_POINTER)
    except DownloadFailed as error:
        raise DownloadFailed(error.what, why=error.why, fix=by_hand) from error
    found = _DIGEST.search(text)
    if found is None:
        raise DownloadFailed(
            f"{url} does not tell the SHA-256 of the weights",
            why="it is no pointer to a large file",
            fix=by_hand,
        )
    return f"sha256:{found[1].decode()}"


def is_published(found: NameReference) -> bool:
    """Whether weights are those that the library publishes: fetched, or a file of their hash."""
    if found.random:
        return False
    if found.weights is None:
        return True
    expected = hash_in_name(found.network.url)
    if not expected:
        return False
    from zoo.common.downloads import digests_of

    return digests_of(found.weights).matches(expected)
