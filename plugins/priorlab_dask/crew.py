"""Which worker gets which cell, and whom to blame when a worker is lost. It knows no dask.

A worker may be lost because of a cell that it computed, or for a reason of its own: its machine
was switched off or given to others. Where it computed several cells, no one can tell which of them
it was. Each of them is therefore tried again with a worker to itself, and only a worker that was
lost with one cell on it counts against that cell.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

RETRIES = 3
"""So many more times a cell is tried whose worker was lost while it had the worker to itself."""

TROUBLE = 3
"""A worker that could not do its part for so many cells in a row gets no more."""


@dataclasses.dataclass(eq=False)
class Attempt:
    """A job on its way.

    Attributes
    ----------
    job : Job
    image : str
        The digest of the image that it needs.
    suspect : bool
        Whether it was among those whose worker was lost.
    lost : int
        The workers that were lost while it was alone on them.
    troubles : list of str
        Why workers could not begin it, or could not send its result.
    """

    job: Any
    image: str = ""
    suspect: bool = False
    lost: int = 0
    troubles: list[str] = dataclasses.field(default_factory=list)

    @property
    def guilty(self) -> str:
        """Why it is not tried again; empty while it is."""
        if self.lost > RETRIES:
            return f"lost {self.lost} workers, each of which computed only this cell"
        if len(self.troubles) > RETRIES:
            return f"not computed, {len(self.troubles)} times: {self.troubles[-1]}"
        return ""


@dataclasses.dataclass(eq=False)
class Post:
    """A worker that can be used.

    Attributes
    ----------
    address : str
    capacity : int
        How many cells it computes at the same time.
    running : list of Attempt
    images : set of str
        Digests of those that it has.
    open : bool
        Whether it takes cells at present.
    troubles : set of Attempt
        Those for which it could not do its part, since it could for another.
    """

    address: str
    capacity: int
    running: list[Attempt] = dataclasses.field(default_factory=list)
    images: set[str] = dataclasses.field(default_factory=set)
    open: bool = True
    troubles: set[Attempt] = dataclasses.field(default_factory=set)

    @property
    def free(self) -> int:
        """How many more cells it takes: none besides a suspect."""
        alone = any(attempt.suspect for attempt in self.running)
        return 0 if alone or not self.open else self.capacity - len(self.running)


class Crew:
    """The workers in use.

    Examples
    --------
    >>> crew = Crew()
    >>> crew.posts["a"] = Post("a", capacity=2)
    >>> first, second = Attempt("first"), Attempt("second")
    >>> crew.place(first).address, crew.place(second).address, crew.place(Attempt("third"))
    ('a', 'a', None)
    >>> [attempt.job for attempt in crew.lose("a")], first.suspect, first.lost
    (['first', 'second'], True, 0)
    >>> crew.posts["b"] = Post("b", capacity=2)
    >>> crew.place(first).address, crew.place(second)  # it needs a worker to itself
    ('b', None)
    """

    def __init__(self, limit: int | None = None) -> None:
        """Start without workers; together they may compute up to `limit` cells at a time."""
        self.posts: dict[str, Post] = {}
        self._limit = limit
        self._kept_free: Post | None = None

    @property
    def running(self) -> int:
        """How many cells are being computed."""
        return sum(len(post.running) for post in self.posts.values())

    @property
    def free(self) -> bool:
        """Whether there is a place for a cell that is no suspect."""
        return self._within_limit() and any(self._open_posts())

    def place(self, attempt: Attempt) -> Post | None:
        """Put an attempt on the worker that suits it best; None if there is no place now."""
        if not self._within_limit():
            return None
        if attempt.suspect:
            return self._put(attempt, self._idle_post())
        posts = sorted(
            self._open_posts(), key=lambda post: (attempt.image in post.images, post.free)
        )
        return self._put(attempt, posts[-1] if posts else None)

    def done(self, attempt: Attempt) -> Post | None:
        """Take an attempt off its worker and return that, if there is one."""
        for post in self.posts.values():
            if attempt in post.running:
                post.running.remove(attempt)
                return post
        return None

    def trouble(self, attempt: Attempt, post: Post, text: str) -> bool:
        """Note that a worker could not do its part; True if it should get no more cells."""
        attempt.troubles.append(text)
        post.troubles.add(attempt)
        return len(post.troubles) >= TROUBLE

    def lose(self, address: str) -> list[Attempt]:
        """Forget a worker that is lost, and return what was on it, to be tried again."""
        post = self.posts.pop(address, None)
        if post is None:
            return []
        if post is self._kept_free:
            self._kept_free = None
        for attempt in post.running:
            attempt.suspect = True
            attempt.lost += len(post.running) == 1
        return post.running

    def forget(self) -> list[Attempt]:
        """Forget all workers, none of which is to blame, and return what was on them."""
        running = [attempt for post in self.posts.values() for attempt in post.running]
        self.posts.clear()
        self._kept_free = None
        return running

    def _within_limit(self) -> bool:
        return self._limit is None or self.running < self._limit

    def _open_posts(self) -> Iterable[Post]:
        return (p for p in self.posts.values() if p.free > 0 and p is not self._kept_free)

    def _idle_post(self) -> Post | None:
        """Return a worker without cells; if there is none, keep one from getting more."""
        open_posts = [post for post in self.posts.values() if post.open and post.capacity]
        if not open_posts:
            return None
        post = min(open_posts, key=lambda post: len(post.running))
        self._kept_free = post if post.running else None
        return None if post.running else post

    @staticmethod
    def _put(attempt: Attempt, post: Post | None) -> Post | None:
        if post is not None:
            post.running.append(attempt)
        return post
