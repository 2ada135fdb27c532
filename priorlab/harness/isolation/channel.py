"""Messages between processes: JSON, with open files and the kernel's word on who sent it."""

from __future__ import annotations

import array
import contextlib
import dataclasses
import errno
import json
import os
import select
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]

_LARGEST = 1 << 18
_MOST_FILES = 4
_CREDENTIALS = struct.Struct("3i")
_LINUX = sys.platform == "linux"


@dataclasses.dataclass(frozen=True)
class Received:
    """What came through a channel.

    Attributes
    ----------
    message : dict
        Empty if what came is no message.
    files : tuple of int
        Descriptors of the open files that came with it; whoever receives them closes them.
    sender : int
        The process that sent it, as the kernel says; 0 where it does not say.
    """

    message: Message
    files: tuple[int, ...]
    sender: int


class Channel:
    """One of two ends. Each message arrives whole, or not at all.

    Examples
    --------
    >>> one, other = Channel.pair()
    >>> one.send({"event": "ready"})
    True
    >>> other.receive().message
    {'event': 'ready'}
    >>> one.close()
    >>> other.receive() is None
    True
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return both ends of a new channel."""
        # Elsewhere there is no kind of socket that keeps messages apart and tells of its end.
        kind = socket.SOCK_SEQPACKET if _LINUX else socket.SOCK_DGRAM
        ends = socket.socketpair(socket.AF_UNIX, kind)
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _LARGEST)
            if _LINUX:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return cls(ends[0]), cls(ends[1])

    @classmethod
    def of(cls, descriptor: int) -> Channel:
        """Return the end that has a descriptor."""
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """Return the descriptor of this end."""
        return self._socket.fileno()

    def readable(self, seconds: float) -> bool:
        """Return whether there is something to receive, or the end; wait so long at most."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def send(self, message: Message, files: Sequence[int] = (), *, wait: bool = True) -> bool:
        """Send a message; returns whether it went out.

        It does not if the other end is gone, or, without `wait`, if there is no room at once.
        """
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try:
            self._socket.sendmsg([data], rights, 0 if wait else socket.MSG_DONTWAIT)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return False
        except OSError as error:
            if error.errno in (errno.EMSGSIZE, errno.ENOTCONN, errno.ENOBUFS):
                return False
            raise
        return True

    def receive(self) -> Received | None:
        """Wait for a message; None says that the other end is gone."""
        room = socket.CMSG_SPACE(4 * _MOST_FILES) + socket.CMSG_SPACE(_CREDENTIALS.size)
        try:
            data, extra, _, _ = self._socket.recvmsg(_LARGEST, room)
        except ConnectionResetError:
            return None
        files: list[int] = []
        sender = 0
        for level, kind, content in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                files += numbers
            elif _LINUX and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack(content)[0]
        for file in files:
            os.set_inheritable(file, False)
        if not data:
            close_all(files)
            return None
        return Received(_parsed(data), tuple(files), sender)


def close_all(descriptors: Sequence[int]) -> None:
    """Close files, those included that are closed already."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _parsed(data: bytes) -> Message:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
