"""Messages between the driver and the processes of its slots: lines of JSON, then files."""

from __future__ import annotations

import json
from typing import Any

Message = dict[str, Any]

FILES = "pictures"
"""The key under which a message has files: bytes by name."""


def encode(message: Message) -> bytes:
    """Return a message as bytes.

    Examples
    --------
    >>> decoder = Decoder()
    >>> decoder.feed(encode({"event": "result", "pictures": {"a.png": b"pixels"}}))
    [{'event': 'result', 'pictures': {'a.png': b'pixels'}}]
    """
    files = message.get(FILES)
    if files is None:
        return json.dumps(message).encode() + b"\n"
    sizes = {name: len(data) for name, data in files.items()}
    line = json.dumps({**message, FILES: sizes}).encode() + b"\n"
    return b"".join([line, *files.values()])


class Decoder:
    """Puts messages together from the pieces in which they come."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._message: Message = {}
        self._missing = 0

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the messages that are complete with one more piece.

        Raises
        ------
        ValueError
            If what came is not what `encode` returns.
        """
        self._pending += chunk
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        if not self._message:
            line, end, _ = self._pending.partition(b"\n")
            if not end:
                return None
            self._message = json.loads(line)
            del self._pending[: len(line) + 1]
            self._missing = sum(self._message.get(FILES, {}).values())
        if len(self._pending) < self._missing:
            return None
        message, self._message = self._message, {}
        if FILES in message:
            start = 0
            for name, size in message[FILES].items():
                message[FILES][name] = bytes(self._pending[start : start + size])
                start += size
            del self._pending[:start]
        return message
