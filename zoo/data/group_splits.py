"""Splitting by groups: frames of one film, or recordings of one person, stay in one split."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from zoo.data.splits import SHARES, distance_to_split, minimum_examples, preferred_split

Group = TypeVar("Group", int, str)
#: Fewer groups of a class than this are shared out exactly; of more, each stays where it is when
#: others come.
_FEW_GROUPS = 20


def groups_to_splits(
    groups: Sequence[Group],
    labels: Sequence[int],
    digests: Sequence[bytes],
    classes: int,
    shares: Mapping[str, float] = SHARES,
) -> dict[Group, str] | None:
    """The split of each group; None when some class has too few groups.

    Each group goes where its content hash says, as images do; groups move only where a split
    lacks a class, and never so that another split comes to lack one.

    Args:
        groups: Of each example.
        labels: Class index of each example.
        digests: Content hash of each example.
        classes: How many there are.
        shares: Name and share of each split.
    """
    members: dict[Group, list[bytes]] = {}
    has: dict[Group, set[int]] = {}
    for group, label, digest in zip(groups, labels, digests, strict=True):
        members.setdefault(group, []).append(digest)
        has.setdefault(group, set()).add(label)
    content = {g: hashlib.sha256(b"".join(sorted(own))).digest() for g, own in members.items()}
    sizes = [sum(label in own for own in has.values()) for label in range(classes)]
    least = {
        (label, split): minimum_examples(sizes[label], share)
        for label in range(classes)
        for split, share in shares.items()
    }
    # Few groups fall among splits by chance alone; so few are held to their shares.
    fair = {
        (label, split): max(need, int(sizes[label] * shares[split]))
        if sizes[label] < _FEW_GROUPS
        else need
        for (label, split), need in least.items()
    }
    for needs in (fair, least, dict.fromkeys(least, 1)):
        where = {group: preferred_split(own, shares) for group, own in content.items()}
        if _fill(where, has, content, needs, shares):
            return where
    return None


def joined_by_content(groups: Sequence[str], digests: Sequence[bytes]) -> list[str]:
    """Groups that share an example become one, which is called as the first of them."""
    parent: dict[str, str] = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    first: dict[bytes, str] = {}
    for group, digest in zip(groups, digests, strict=True):
        one, other = root(first.setdefault(digest, group)), root(group)
        parent[max(one, other)] = min(one, other)
    return [root(group) for group in groups]


def _fill(
    where: dict[Group, str],
    has: Mapping[Group, set[int]],
    content: Mapping[Group, bytes],
    needs: Mapping[tuple[int, str], int],
    shares: Mapping[str, float],
) -> bool:
    """Moves groups until every split has what it needs of every class; False when it cannot be."""
    counts: Counter[tuple[int, str]] = Counter()
    for group, split in where.items():
        counts.update((label, split) for label in has[group])
    for (label, split), need in needs.items():
        while counts[label, split] < need:
            spare = [
                group
                for group, at in where.items()
                if at != split
                and label in has[group]
                and all(counts[c, at] > needs[c, at] for c in has[group])
            ]
            if not spare:
                return False
            nearest = min(
                spare, key=lambda g: (distance_to_split(content[g], split, shares), content[g], g)
            )
            counts.subtract((c, where[nearest]) for c in has[nearest])
            counts.update((c, split) for c in has[nearest])
            where[nearest] = split
    return True
