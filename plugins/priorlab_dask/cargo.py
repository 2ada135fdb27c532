"""What is in the memory of the cluster: the luggage of workers and the pixels of images.

Each is sent once, to any worker; workers get it from each other, and sent anew when the worker
that had it is lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from distributed import Client, Future

KEPT = 256
"""So many images stay in the memory of the cluster; all of them on the disks of its workers."""


class Cargo:
    """What one client has sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sent: OrderedDict[str, Future] = OrderedDict()

    def future(self, name: str, make: Callable[[], Any]) -> Future:
        """Return what stands for a thing in the memory of the cluster, and send it if need be."""
        kept = self._sent.pop(name, None)
        if kept is None or kept.status != "finished":
            kept = self._client.scatter(make(), hash=False)
        self._sent[name] = kept
        while len(self._sent) > KEPT:
            self._sent.popitem(last=False)
        return kept
