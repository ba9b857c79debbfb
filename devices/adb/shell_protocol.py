"""One command on a phone through an ADB server: its three streams and its exit code.

The frames are those of adb's shell protocol, version 2: a letter for the stream, four bytes of
length, little-endian, and so many bytes.
https://android.googlesource.com/platform/packages/modules/adb/+/refs/heads/main/shell_protocol.h
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from typing import IO

from zoo.common.captured import MOST_OUTPUT

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
_HEAD = struct.Struct("<BI")
_CHUNK = 1 << 15
_KEPT = 4096


class Shell:
    """A command that runs there; reads and writes wait in the kernel.

    Args:
        connection: A socket on which the command was started with ``shell,v2,raw:``.
        on_close: Lets go of what holds the socket.
        most: Bytes of standard output that may wait to be taken. With more the connection is
            cut, and `flooded` is set.
    """

    def __init__(
        self, connection: socket.socket, on_close: Callable[[], None], most: int = MOST_OUTPUT
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._on_close = on_close
        self.most = most
        self._raw = bytearray()
        self._stream, self._left = STDOUT, 0
        self.out = bytearray()
        self.err = bytearray()
        #: Exit code, once the command ended by itself.
        self.code: int | None = None
        #: Whether nothing more can come.
        self.ended = False
        #: Whether it was cut off for what it printed.
        self.flooded = False

    def write(self, data: bytes, timeout: float) -> None:
        """Sends to standard input; `BrokenPipeError` when the command ended.

        `TimeoutError` when nothing is taken for `timeout` seconds.
        """
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK]
            self._send(_HEAD.pack(STDIN, len(chunk)) + chunk, timeout)

    def close_input(self, timeout: float) -> None:
        """Ends standard input."""
        self._send(_HEAD.pack(CLOSE_STDIN, 0), timeout)

    def _send(self, frame: bytes, timeout: float) -> None:
        left, deadline = memoryview(frame), time.monotonic() + timeout
        while left:
            if self.ended:
                raise BrokenPipeError("the command on the phone has ended")
            spare = max(0.0, deadline - time.monotonic())
            readable, writable, _ = select.select([self._socket], [self._socket], [], spare)
            if readable:
                self._fill()
            if writable and not self.ended:
                try:
                    left = left[self._socket.send(left) :]
                except OSError as error:
                    self.ended = True
                    raise BrokenPipeError(str(error)) from error
            elif not spare:
                raise TimeoutError(f"no input taken for {timeout:g} s")

    def wait(self, timeout: float | None) -> bool:
        """Waits for more output; False when nothing came within `timeout` seconds."""
        if self.ended:
            return True
        readable, _, _ = select.select([self._socket], [], [], timeout)
        if readable:
            self._fill()
        return bool(readable)

    def finish(self, timeout: float | None) -> bool:
        """Reads all output to the end; False when the end did not come in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.ended:
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not self.wait(left):
                return False
        return True

    def _fill(self) -> None:
        try:
            chunk = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self.ended = not chunk
        self._raw += chunk
        # A frame is passed on as it comes: the length in its header is not trusted.
        while self._raw and self.code is None and not self.flooded:
            if not self._left:
                if len(self._raw) < _HEAD.size:
                    return
                self._stream, self._left = _HEAD.unpack_from(self._raw)
                del self._raw[: _HEAD.size]
                if self._stream == EXIT and not self._left:
                    self.ended = True
            content = self._raw[: self._left]
            del self._raw[: len(content)]
            self._left -= len(content)
            self._take(content)

    def _take(self, content: bytearray) -> None:
        if self._stream == STDOUT:
            self.out += content
            if len(self.out) > self.most:
                self.flooded = self.ended = True
                self.shut()
        elif self._stream == STDERR:
            self.err = (self.err + content)[-_KEPT:]
        elif self._stream == EXIT and content:
            self.code, self.ended = content[0], True

    def copy(self, source: IO[bytes], timeout: float) -> None:
        """Sends a whole file to standard input; stops when the command has ended."""
        try:
            while data := source.read(_CHUNK):
                self.write(data, timeout)
            self.close_input(timeout)
        except BrokenPipeError:
            return  # Its exit code says why it took no more.

    def shut(self) -> None:
        """Cuts the line at once; whoever waits for output then sees the end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # It is cut already.

    def close(self) -> None:
        """Releases the socket."""
        self.ended = True
        self._on_close()
