"""Namespaces: each is a world of its own, with records, rules, counters, journal, clock, ids and keys.

A request names its world by the header `Flowise-Mock-Namespace`, or by the path prefix `/ns/NAME`; neither
means `default`. A world is made from the seed at its first use.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from starlette.types import Scope

from flowise_mock.scripts.rule_book import RuleBook
from flowise_mock.state.journal import Journal
from flowise_mock.state.outcomes import InvalidNamespace, LimitReached
from flowise_mock.state.store import Snapshot, Store

DEFAULT = "default"
HEADER = b"flowise-mock-namespace"
PREFIX = b"/ns/"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_NAMESPACES = 1000
HOLD_SECONDS = 30.0
"""Seconds after which a request that a rule holds goes on by itself."""


class Holds:
    """Requests that wait until they are released by name.

    A release lets all go on that wait, or the next one that would.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._released: set[str] = set()

    async def wait(self, name: str, seconds: float = HOLD_SECONDS) -> bool:
        """Wait for a release, so long at most; whether it was released."""
        if name in self._released:
            self._released.discard(name)
            return True
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        finally:
            if future in self._waiting.get(name, ()):
                self._waiting[name].remove(future)
        return True

    def release(self, name: str) -> int:
        """Let all go on that wait for `name`; returns their number."""
        waiting = self._waiting.pop(name, [])
        for future in waiting:
            if not future.done():
                future.set_result(None)
        if not waiting:
            self._released.add(name)
        return len(waiting)

    def waiting(self) -> dict[str, int]:
        """How many requests wait, by name."""
        return {name: len(futures) for name, futures in self._waiting.items() if futures}

    def clear(self) -> None:
        for name in list(self._waiting):
            self.release(name)
        self._released.clear()


@dataclass
class World:
    """One namespace. `start` is its state when it was made; it is `fresh` until its first answer is sent.

    `answered` counts answers by operation and status.
    """

    name: str
    store: Store
    rules: RuleBook
    journal: Journal
    holds: Holds
    start: Snapshot
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    answered: dict[tuple[str, int], int] = field(default_factory=dict)
    fresh: bool = True


class Worlds:
    """All namespaces of one server. `limit` is how many there may be, the default one apart."""

    def __init__(
        self,
        make_store: Callable[[str, str | None], Store],
        make_rules: Callable[[], RuleBook],
        *,
        limit: int = MAX_NAMESPACES,
        journal: int = 1000,
    ) -> None:
        self._make_store = make_store
        self._make_rules = make_rules
        self._journal = journal
        self.limit = limit
        self._worlds: dict[str, World] = {}
        self.default = self.begin(self.make(DEFAULT))

    def __iter__(self) -> Iterator[World]:
        return iter(list(self._worlds.values()))

    def __len__(self) -> int:
        return len(self._worlds)

    def make(self, name: str, ids: str | None = None) -> World:
        """A world that begins as the server did; `begin` puts it in its place."""
        store = self._make_store(name, ids)
        return World(name, store, self._make_rules(), Journal(self._journal), Holds(), store.snapshot())

    def begin(self, world: World) -> World:
        """Put a world in its place, instead of one of its name. Raises LimitReached.

        The journal stays where its listeners are, without its entries.
        """
        former = self._worlds.get(world.name)
        if former is not None:
            world.journal = former.journal
            world.journal.clear()
            former.holds.clear()
        elif len(self._worlds) > self.limit:
            raise LimitReached("namespaces", self.limit)
        self._worlds[world.name] = world
        if world.name == DEFAULT:
            self.default = world
        return world

    def get(self, name: str) -> World:
        """The world of that name, made if it is new. Raises LimitReached."""
        return self._worlds.get(name) or self.begin(self.make(name))

    def find(self, name: str) -> World | None:
        return self._worlds.get(name)

    def delete(self, name: str) -> World | None:
        """Forget a world; the default one is made anew. Returns the world that it was."""
        world = self._worlds.pop(name, None)
        if world is not None:
            world.holds.clear()
        if name == DEFAULT:
            self.begin(self.make(DEFAULT))
        return world

    def of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> World:
        """The world that a request names; a path prefix is taken off the path.

        Raises InvalidNamespace or LimitReached.
        """
        header = headers.get(HEADER)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if header is None and not raw.startswith(PREFIX):
            return self.default
        name = checked(header.decode("latin-1")) if header is not None else None
        if raw.startswith(PREFIX):
            first, slash, rest = raw[len(PREFIX) :].partition(b"/")
            prefix = checked(first.decode("latin-1"))
            if name is not None and name != prefix:
                raise InvalidNamespace(name, f"the path says {prefix}; say the same in both, or use one")
            name = prefix
            scope["raw_path"] = slash + rest or b"/"
            scope["path"] = scope["path"][len(PREFIX) + len(prefix) :] or "/"
            scope["root_path"] = f"/ns/{prefix}"
        assert name is not None
        return self.get(name)


def checked(name: str) -> str:
    """The name of a namespace. Raises InvalidNamespace."""
    if not NAME.fullmatch(name):
        raise InvalidNamespace(name[:80], "a name has 1 to 64 letters, digits, dots, dashes and underlines")
    return name
