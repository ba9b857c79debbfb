"""Boards that can be emulated: their processors as data, as QEMU and Linux name them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.common.files import write_text


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A kind of processor for which there is a root of its own.

    Attributes:
        name: ``aarch64``.
        wheel: What its wheels' platform tags end in.
        emulators: QEMU's programs for it, the one that needs no libraries first.
    """

    name: str
    debian: str
    wheel: str
    emulators: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board, as far as kernels are chosen by it.

    Attributes:
        name: ``pi4``.
        features: As ``/proc/cpuinfo`` of the board tells them.
        part: Arm's number of the core there, with variant and revision.
    """

    name: str
    summary: str
    architecture: Architecture
    cpu: str
    core: str
    features: str
    part: tuple[int, int, int]


AARCH64 = Architecture(
    name="aarch64",
    debian="arm64",
    wheel="aarch64",
    emulators=("qemu-aarch64-static", "qemu-aarch64"),
)
ARMV7 = Architecture(
    name="armv7",
    debian="armhf",
    wheel="armv7l",
    emulators=("qemu-arm-static", "qemu-arm"),
)
ARCHITECTURES = {each.name: each for each in (AARCH64, ARMV7)}

#: Folders whose files the kernel makes; `board_folder` has its own.
_KERNELS_OWN = ("dev", "proc", "run", "sys", "tmp")
_CORES = 4
_ARM = 0x41
_V7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm"
_V8 = "fp asimd evtstrm crc32 cpuid"
_V8_2 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp"
)

#: Of the names that boards have as devices.
PREFIX = "emulated-"
#: The Raspberry Pis with four cores; other boards of the same cores choose the same kernels.
BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        Board(
            name="pi2",
            summary="Raspberry Pi 2",
            architecture=ARMV7,
            cpu="cortex-a7",
            core="Cortex-A7",
            features=_V7,
            part=(0xC07, 0, 5),
        ),
        Board(
            name="pi3",
            summary="Raspberry Pi 3",
            architecture=AARCH64,
            cpu="cortex-a53",
            core="Cortex-A53",
            features=_V8,
            part=(0xD03, 0, 4),
        ),
        Board(
            name="pi4",
            summary="Raspberry Pi 4",
            architecture=AARCH64,
            cpu="cortex-a72",
            core="Cortex-A72",
            features=_V8,
            part=(0xD08, 0, 3),
        ),
        Board(
            name="pi5",
            summary="Raspberry Pi 5",
            architecture=AARCH64,
            cpu="cortex-a76",
            core="Cortex-A76",
            features=_V8_2,
            part=(0xD0B, 4, 1),
        ),
    )
}


def processor(board: Board, emulator: str) -> str:
    """What an agent there says of the processor: nobody is to take it for the real one."""
    return f"{board.core}, emulated by {emulator}"


def cpu_info(board: Board, emulator: str) -> str:
    """``/proc/cpuinfo`` as the board has it: runtimes choose kernels by it.

    QEMU would show this machine's own.
    """
    part, variant, revision = board.part
    generation = 7 if board.architecture is ARMV7 else 8
    return "".join(
        f"processor\t: {number}\n"
        f"model name\t: {processor(board, emulator)}\n"
        f"Features\t: {board.features}\n"
        f"CPU implementer\t: {_ARM:#04x}\n"
        f"CPU architecture: {generation}\n"
        f"CPU variant\t: {variant:#x}\n"
        f"CPU part\t: {part:#05x}\n"
        f"CPU revision\t: {revision}\n\n"
        for number in range(_CORES)
    )


def board_folder(board: Board, root: Path, folder: Path, emulator: str) -> Path:
    """A file system for one board: the root's folders, and what Linux tells of its processor.

    Args:
        board: Whose.
        root: Unpacked packages, which all boards of an architecture share.
        folder: Where it is made, if it is not there.
        emulator: Name and version of the emulator.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for shared in (each for each in root.iterdir() if each.name not in _KERNELS_OWN):
        link = folder / shared.name
        if not link.is_symlink():
            # Relative, so that the whole can be moved; another process may be as far.
            try:
                link.symlink_to(os.path.relpath(shared, folder))
            except FileExistsError:
                continue
    cores = f"0-{_CORES - 1}\n"
    texts = {
        "proc/cpuinfo": cpu_info(board, emulator),
        "sys/devices/system/cpu/possible": cores,
        "sys/devices/system/cpu/present": cores,
    }
    for name, text in texts.items():
        file = folder / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)
    return folder
