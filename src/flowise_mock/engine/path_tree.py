"""The paths of a contract as a tree of segments: a literal before a template, as OpenAPI asks."""

from __future__ import annotations

Route = tuple[str, tuple[str, ...]]
"""An operation's id and the names of its path parameters."""


class Node:
    """A segment of the paths: its literal children, its templated child, its methods."""

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.template: Node | None = None
        self.methods: dict[str, Route] = {}

    def add(self, path: str, method: str, operation_id: str, fold: bool = False) -> None:
        node, names = self, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.template = node.template or Node()
                node = node.template
            else:
                node = node.literals.setdefault(segment.lower() if fold else segment, Node())
        node.methods[method.upper()] = (operation_id, tuple(names))

    def find(self, segments: list[str], fold: bool = False) -> tuple[Node, tuple[str, ...]] | None:
        """The node that a path ends on and the values of its templates; `fold` takes any case."""
        node, filled = self, tuple[str, ...]()
        for place, segment in enumerate(segments):
            literal = node.literals.get(segment.lower() if fold else segment)
            if literal is not None and node.template is not None:  # a later segment decides
                return node._find(segments[place:], filled, fold)
            if literal is not None:
                node = literal
            elif node.template is not None and segment:
                node, filled = node.template, (*filled, segment)
            else:
                return None
        return (node, filled) if node.methods else None

    def _find(
        self, segments: list[str], filled: tuple[str, ...], fold: bool
    ) -> tuple[Node, tuple[str, ...]] | None:
        """As `find`, with the values that were found before; tries the literal, then the template."""
        if not segments:
            return (self, filled) if self.methods else None
        first, rest = segments[0], segments[1:]
        literal = self.literals.get(first.lower() if fold else first)
        found = literal._find(rest, filled, fold) if literal else None
        if found is None and self.template is not None and first:
            found = self.template._find(rest, (*filled, first), fold)
        return found

    def without_id(self, segments: list[str], method: str) -> tuple[Route, tuple[str, ...]] | None:
        """The operation that takes this method one id further on, with a blank in the id's place."""
        node, filled = self, tuple[str, ...]()
        for segment in segments:
            following = node.literals.get(segment.lower())
            if following is None and node.template is not None:
                following, filled = node.template, (*filled, segment)
            if following is None:
                return None
            node = following
        if node.template is None or method not in node.template.methods:
            return None
        return node.template.methods[method], (*filled, "")

    @property
    def allow(self) -> str:
        return ", ".join(self.methods)
