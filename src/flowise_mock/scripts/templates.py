"""Templates in the texts of a script: the part of sandboxed Jinja that always terminates.

A loop runs over an existing value, and not inside another loop. There are no calls, assignments or
multiplications, and no filters but those listed here. So the size of its variables bounds the cost of a
template, and MAX_TEXT its output. Anything else is refused when the script is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.filters import do_round
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowise_mock.contract import jsontext
from flowise_mock.contract.schemas import shortened

MAX_TEXT = 1_000_000
"""The longest output of a template, in characters."""

Template = Callable[[dict[str, Any]], str]
Render = Callable[[dict[str, Any]], Any]
"""Makes a value of an answer, with its texts filled in."""
Compile = Callable[[Any, tuple[str | int, ...]], Render]
"""Compiles a value of an answer to which these steps lead."""
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
    """A template is refused, or cannot be rendered; the message says why."""


def compile_template(source: str, variables: Collection[str]) -> Template:
    """Compile a text of a script to a function of its variables. Raises TemplateError."""
    try:
        tree = _environment().parse(source)
        _check(tree, set(variables), in_loop=False)
        template = _environment().from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateError(f"is not a template: {error.message}") from None
    except ValueError as error:  # a number with thousands of digits
        raise TemplateError(f"is not a template: {error}") from None
    except (MemoryError, RecursionError, SyntaxError):
        raise TemplateError("is not a template: nested too deeply") from None

    def render(values: dict[str, Any]) -> str:
        parts, size = [], 0
        try:
            for part in template.generate(values):
                parts.append(part)
                size += len(part)
                if size > MAX_TEXT:
                    raise TemplateError(f"made more than {MAX_TEXT} characters; shorten it")
        except TemplateError:
            raise
        except Exception as error:  # a filter may fail on anything that a client sends
            raise TemplateError(f"{shortened(source, 80)!r} cannot be filled in: {error}") from None
        return "".join(parts)

    return render


def _check(node: nodes.Node, variables: set[str], *, in_loop: bool) -> None:
    """Refuse what could run forever, leave the sandbox, or refer to an unknown variable or filter."""
    if not isinstance(node, _NODES):
        raise TemplateError(f"a template has no {_construct(node)}; it has variables, filters, if and for")
    if isinstance(node, nodes.Filter) and node.name not in (*_FILTERS, "join", "replace", "tojson"):
        raise TemplateError(f"there is no filter {node.name}; there are {', '.join(sorted(_filters()))}")
    if isinstance(node, nodes.Name) and node.name not in variables:
        known = ", ".join(sorted(variables))
        raise TemplateError(f"there is no variable {node.name}; there are {known}")
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateError(f"{node.attr} is not allowed: it begins with _")
    if isinstance(node, nodes.For):
        if in_loop or node.recursive:
            raise TemplateError("a loop has no loop within it")
        _check(node.iter, variables, in_loop=False)
        targets = {each.name for each in node.target.find_all(nodes.Name)} | _name_of(node.target)
        for part in [*node.body, *node.else_, *([node.test] if node.test else [])]:
            _check(part, variables | targets | {"loop"}, in_loop=True)
        return
    for child in node.iter_child_nodes():
        _check(child, variables, in_loop=in_loop)


def _name_of(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _construct(node: nodes.Node) -> str:
    kinds = {"Call": "calls", "Mul": "*", "Pow": "**", "Mod": "%", "Div": "/", "FloorDiv": "//"}
    return kinds.get(type(node).__name__, type(node).__name__.lower())


# --- the environment -------------------------------------------------------------------------------


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_to_text, keep_trailing_newline=True
    )
    environment.globals = {}
    environment.filters = _filters()
    return environment


@cache
def _filters() -> dict[str, Callable[..., Any]]:
    known = ImmutableSandboxedEnvironment().filters
    own: dict[str, Callable[..., Any]] = {"join": _join, "replace": _replace, "tojson": jsontext.dumps}
    return {name: known[name] for name in _FILTERS} | own | {"round": _round}


def _to_text(value: Any) -> str:
    """A value as a template shows it: a text as it is, None as nothing, all else as JSON."""
    if value is None or isinstance(value, (str, Undefined)):
        return str("" if value is None else value)
    return jsontext.dumps(value)


def _join(values: Any, between: str = "") -> str:
    texts = [_to_text(each) for each in values]
    _check_size(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    """Jinja raises 10 to the precision, which could take for ever."""
    return do_round(value, min(max(precision, -99), 99), method)


def _replace(text: Any, old: str, new: str) -> str:
    whole = _to_text(text)
    _check_size(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _check_size(size: int) -> None:
    if size > MAX_TEXT:
        raise TemplateError(f"would make more than {MAX_TEXT} characters")
