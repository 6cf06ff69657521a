"""Templates in the texts of a script: Jinja in its sandbox, and of it only what always ends.

A loop runs over what is there, within no other loop; nothing is called, assigned or multiplied; filters
are those listed here. So what a template costs is bounded by what it is given, and what it makes by
MAX_TEXT. What is refused is refused when the script is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowise_mock.contract import jsontext
from flowise_mock.contract.schemas import shortened

MAX_TEXT = 1_000_000
"""Characters that a template may make."""

Template = Callable[[dict[str, Any]], str]
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Filter, nodes.Keyword, nodes.Test, nodes.If, nodes.For, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg,
    nodes.List, nodes.Tuple,
)  # fmt: skip
_FILTERS = (
    "abs", "capitalize", "count", "default", "first", "float", "int", "last", "length", "list", "lower",
    "max", "min", "reverse", "round", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper",
    "wordcount",
)  # fmt: skip


class TemplateError(Exception):
    """A template that is refused, or cannot be filled in; the text says why."""


def compiled(source: str, words: Collection[str]) -> Template:
    """A text of a script as a function of the words it may name. Raises TemplateError."""
    try:
        tree = _environment().parse(source)
        _check(tree, set(words), within=False)
        template = _environment().from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateError(f"is no template: {error.message}") from None
    except (MemoryError, RecursionError, SyntaxError):
        raise TemplateError("is no template: nested too deeply") from None

    def fill(given: dict[str, Any]) -> str:
        parts, size = [], 0
        try:
            for part in template.generate(given):
                parts.append(part)
                size += len(part)
                if size > MAX_TEXT:
                    raise TemplateError(f"made more than {MAX_TEXT} characters; let it say less")
        except TemplateError:
            raise
        except Exception as error:  # whatever a filter meets in what a client sent
            raise TemplateError(f"{shortened(source, 80)!r} cannot be filled in: {error}") from None
        return "".join(parts)

    return fill


def _check(node: nodes.Node, words: set[str], *, within: bool) -> None:
    """Refuse what could run on, reach out of the sandbox, or name what is not there."""
    if not isinstance(node, _NODES):
        raise TemplateError(f"a template has no {_called(node)}; it has words, filters, if and for")
    if isinstance(node, nodes.Filter) and node.name not in (*_FILTERS, "join", "replace", "tojson"):
        raise TemplateError(f"there is no filter {node.name}; there are {', '.join(sorted(_filters()))}")
    if isinstance(node, nodes.Name) and node.name not in words:
        raise TemplateError(f"there is no word {node.name}; there are {', '.join(sorted(words))}")
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateError(f"{node.attr} is out of reach; names that begin with _ are")
    if isinstance(node, nodes.For):
        if within or node.recursive:
            raise TemplateError("a loop has no loop within it")
        _check(node.iter, words, within=False)
        words = words | {each.name for each in node.target.find_all(nodes.Name)} | _names(node.target)
        words = words | {"loop"}
        parts = [*node.body, *node.else_, *([node.test] if node.test else [])]
        for part in parts:
            _check(part, words, within=True)
        return
    for child in node.iter_child_nodes():
        _check(child, words, within=within)


def _names(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _called(node: nodes.Node) -> str:
    kinds = {"Call": "calls", "Mul": "*", "Pow": "**", "Mod": "%", "Div": "/", "FloorDiv": "//"}
    return kinds.get(type(node).__name__, type(node).__name__.lower())


# --- the environment -------------------------------------------------------------------------------


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_written, keep_trailing_newline=True
    )
    made.globals = {}
    made.filters = _filters()
    return made


@cache
def _filters() -> dict[str, Callable[..., Any]]:
    known = ImmutableSandboxedEnvironment().filters
    own: dict[str, Callable[..., Any]] = {"join": _join, "replace": _replace, "tojson": jsontext.dumps}
    return {name: known[name] for name in _FILTERS} | own


def _written(value: Any) -> str:
    """A value as a template writes it: a text as it is, nothing as none, all else as JSON."""
    if value is None or isinstance(value, (str, Undefined)):
        return str("" if value is None else value)
    return jsontext.dumps(value)


def _join(values: Any, between: str = "") -> str:
    texts = [_written(each) for each in values]
    _bound(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def _replace(text: Any, old: str, new: str) -> str:
    written = _written(text)
    _bound(len(written) + written.count(old) * len(new))
    return written.replace(old, new)


def _bound(size: int) -> None:
    if size > MAX_TEXT:
        raise TemplateError(f"would make more than {MAX_TEXT} characters")
