"""What the document cannot tell of itself: what official clients call, and what real servers answered."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from flowise_mock.document import METHODS
from flowise_mock.lint.finding import Problem, shortened
from flowise_mock.lint.registry import Rule
from flowise_mock.lint.rules.operations import responses
from flowise_mock.lint.rules.security import asked
from flowise_mock.lint.source import Sources
from flowise_mock.lint.subject import Place, Subject, path_of, told
from flowise_mock.lint.validators import Validators

RULES = (
    Rule("client-operation", "warning", "document it, or tell the authors of the client"),
    Rule("recorded-operation", "error", "remove it, or correct its path or method"),
    Rule("recorded-parameter", "warning", "describe what the server takes"),
    Rule("recorded-response", "warning", "describe what the server answers"),
    Rule("recorded-security", "warning", "say `security: []` where the server asks for no key"),
)
MAX_BYTES = 256 * 1024 * 1024


class EvidenceError(Exception):
    """A recording or a list of calls that cannot be read."""


class Call(NamedTuple):
    """What a client calls: `why` names the client."""

    method: str
    path: str
    why: str


class Exchange(NamedTuple):
    """A request and what a real server answered, with the line of its file."""

    origin: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def told(self) -> str:
        status = self.response.get("status")
        return f"{self.request.get('method')} {self.request.get('path')} was answered {status} ({self.origin})"


class Evidence:
    """Calls and exchanges, and the rules that hold a document against them."""

    def __init__(self, calls: list[Call] | None = None, exchanges: list[Exchange] | None = None) -> None:
        self.calls, self.exchanges = calls or [], exchanges or []

    def problems(self, subject: Subject) -> Iterator[Problem]:
        yield from self._calls(subject)
        if self.exchanges:
            yield from Recorded(subject).problems(self.exchanges)

    def _calls(self, subject: Subject) -> Iterator[Problem]:
        held = {(op.name, shape(path_of(op))) for op in subject.operations()}
        for call in self.calls:
            if (call.method, shape(call.path)) not in held:
                message = f"{call.method.upper()} {call.path} is not documented, and is called: {call.why}"
                yield Problem(subject.document, "/paths", message, key=True, rule="client-operation")


class Recorded:
    """One document against exchanges: each contradiction once, with the first exchange that shows it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._validators = Validators(subject)
        servers = subject.document.get("servers")
        url = servers[0].get("url", "") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else ""
        self._base = urlsplit(str(url)).path.rstrip("/")
        found = [op for op in subject.operations() if op.up and op.up.up and op.up.up.kind == "Paths"]
        self._routes = [(op.name, _pattern(path_of(op)), op) for op in sorted(found, key=lambda op: path_of(op).count("{"))]

    def problems(self, exchanges: list[Exchange]) -> Iterator[Problem]:
        seen = set()
        for exchange in exchanges:
            operation, values = self._route(exchange)
            if operation is None:
                continue
            for problem in self._judged(operation, exchange, values):
                mark = (problem.rule, problem.pointer, re.sub(r"\d+", "0", problem.message.partition(";")[0].partition("`")[0]))
                if mark not in seen:
                    seen.add(mark)
                    yield problem

    def _route(self, exchange: Exchange) -> tuple[Place | None, dict[str, str]]:
        path = str(exchange.request.get("path", "")).partition("?")[0]
        method = str(exchange.request.get("method", "")).lower()
        if not path.startswith(self._base):
            return None, {}
        for name, pattern, operation in self._routes:
            match = pattern.fullmatch(path[len(self._base):])
            if match and name == method:
                return operation, {k: unquote(v) for k, v in match.groupdict().items()}
        return None, {}

    def _judged(self, operation: Place, exchange: Exchange, values: dict[str, str]) -> Iterator[Problem]:
        status = exchange.response.get("status")
        if not isinstance(status, int):
            return
        if _is_page(exchange.response):
            message = f"{told(operation)} is not there: the server answers with its web page; {exchange.told}"
            yield operation.problem(message, key=True, rule="recorded-operation")
            return
        yield from self._response(operation, exchange, str(status))
        if 200 <= status < 300:
            yield from self._request(operation, exchange)
            headers = {k.lower() for k in exchange.request.get("headers") or {}}
            if asked(self._subject, operation) and not headers & {"authorization", "cookie", "x-api-key"}:
                message = f"{told(operation)} asks for a key, and the server does not; {exchange.told}"
                yield operation.problem(message, *(("security",) if "security" in operation.node else ()), rule="recorded-security", key=True)

    def _response(self, operation: Place, exchange: Exchange, status: str) -> Iterator[Problem]:
        codes = responses(operation)
        code = next((c for c in (status, f"{status[0]}XX", "default") if c in codes), None)
        if code is None:
            message = f"{told(operation)} has no answer {status}; {exchange.told}: {shortened(_body(exchange.response), 80)}"
            yield operation.problem(message, "responses", key=True, rule="recorded-response")
            return
        response = self._subject.resolve(codes[code])
        content = response.get("content") if isinstance(response, dict) else None
        media = str(_header(exchange.response, "content-type")).partition(";")[0].strip().lower()
        at = ("responses", code)
        body = exchange.response.get("body")
        if "raw_chunks" in exchange.response:
            body = None
        if not isinstance(content, dict) or not content:
            if body not in (None, "", {"raw": ""}) and operation.name != "head":
                message = f"answer {status} of {told(operation)} has a body that is not described; {exchange.told}: {shortened(_body(exchange.response), 80)}"
                yield operation.problem(message, *at, key=True, rule="recorded-response")
            return
        if media and media not in content and not any("*" in each for each in content):
            message = f"answer {status} of {told(operation)} is {media}, described as {', '.join(content)}; {exchange.told}"
            yield operation.problem(message, *at, key=True, rule="recorded-response")
            return
        yield from self._fits(operation, exchange, status, code, media)

    def _fits(self, operation: Place, exchange: Exchange, status: str, code: str, media: str) -> Iterator[Problem]:
        body = exchange.response.get("body")
        schema = self._schema(operation, code, media)
        if schema is None or "raw_chunks" in exchange.response or not media.endswith("json") or body is None:
            return
        for misfit in self._validators.misfits(schema, body):
            where = "/".join("*" if isinstance(step, int) or step.isdecimal() else step for step in misfit.path)
            name = f" at {where}" if where else ""
            message = f"answer {status} of {told(operation)} does not fit{name}: {misfit.message}; {exchange.told}"
            yield operation.problem(message, "responses", code, key=True, rule="recorded-response")

    def _schema(self, operation: Place, code: str, media: str) -> Place | None:
        for place in self._subject.objects("MediaType"):
            if place.name == media and place.pointer.startswith(operation.at("responses", code) + "/"):
                return Place("Schema", place.node.get("schema"), place.at("schema"), place.source, place) if "schema" in place.node else None
        reference = self._subject.references.get(id(responses(operation).get(code)))
        if reference and isinstance(reference.target, dict) and reference.target_source:
            content = reference.target.get("content", {})
            held = content.get(media) if isinstance(content, dict) else None
            if isinstance(held, dict) and "schema" in held:
                up = Place("Response", reference.target, reference.target_pointer, reference.target_source, None)
                return Place("Schema", held["schema"], up.at("content", media, "schema"), up.source, up)
        return None

    def _request(self, operation: Place, exchange: Exchange) -> Iterator[Problem]:
        query = exchange.request.get("query")
        sent = query if isinstance(query, dict) else {}
        for parameter, pointer in self._subject.parameters(operation):
            if parameter.get("in") != "query":
                continue
            name = str(parameter.get("name"))
            if parameter.get("required") and name not in sent:
                yield self._parameter(operation, pointer, f"query parameter `{name}` of {told(operation)} is not required by the server; {exchange.told}")
            value = sent.get(name)
            schema = parameter.get("schema")
            choices = schema.get("enum") if isinstance(schema, dict) else None
            if isinstance(value, str) and isinstance(choices, list) and value not in choices:
                yield self._parameter(operation, pointer, f"query parameter `{name}` of {told(operation)} takes other values than those listed; {exchange.told} with {shortened(value)}")
        body = self._subject.resolve(operation.node.get("requestBody"))
        if isinstance(body, dict) and body.get("required") and exchange.request.get("body") is None:
            yield operation.problem(f"the body of {told(operation)} is not required by the server; {exchange.told}", "requestBody", key=True, rule="recorded-parameter")

    def _parameter(self, operation: Place, pointer: str, message: str) -> Problem:
        return Problem(operation.source.value, pointer, message, rule="recorded-parameter")


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"{[^{}]*}", "{}", path.rstrip("/"))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"({[^{}]*})", path)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def _header(message: dict[str, Any], name: str) -> str:
    headers = message.get("headers") or {}
    return next((str(v) for k, v in headers.items() if k.lower() == name), "")


def _body(response: dict[str, Any]) -> str:
    body = response.get("body")
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _is_page(response: dict[str, Any]) -> bool:
    body = response.get("body")
    text = body.get("raw") if isinstance(body, dict) else body
    return "text/html" in _header(response, "content-type") and isinstance(text, str) and text.lstrip()[:9].lower() in ("<!doctype", "<html>")


def calls(file: str) -> list[Call]:
    """What an overlay such as `clients.yaml` adds to the paths: each operation, and the action's reason."""
    source = Sources().get(file)
    if source.failure or not isinstance(source.value, dict):
        raise EvidenceError(f"{file}: cannot be read as an overlay")
    found = []
    for action in source.value.get("actions") or []:
        update = action.get("update") if isinstance(action, dict) else None
        target = str(action.get("target")) if isinstance(action, dict) else ""
        single = re.fullmatch(r"\$\.paths\['([^']+)'\]", target)
        items = update if target == "$.paths" else {single[1]: update} if single else {}
        for path, item in items.items() if isinstance(items, dict) else []:
            for method in METHODS:
                if isinstance(item, dict) and method in item:
                    found.append(Call(method, path, " ".join(str(action.get("description", file)).split())))
    return found


def exchanges(file: str) -> list[Exchange]:
    """The exchanges of a recording (JSON lines, or JSON with a list; also gzipped)."""
    path = Path(file)
    try:
        opened = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
        with opened as held:
            data = held.read(MAX_BYTES)
        return [each for number, entry in _entries(data) if (each := _exchange(entry, f"{path.name}:{number}"))]
    except (OSError, ValueError, EOFError, RecursionError) as error:
        raise EvidenceError(f"{file}: is not a recording: {error}") from None


def _entries(data: bytes) -> Iterator[tuple[int, Any]]:
    try:
        whole = json.loads(data)
    except ValueError:
        for number, line in enumerate(data.splitlines(), 1):
            if line.strip():
                yield number, json.loads(line)
        return
    held = whole if isinstance(whole, list) else whole.get("exchanges", [whole]) if isinstance(whole, dict) else []
    yield from enumerate(held, 1)


def _exchange(entry: Any, origin: str) -> Exchange | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict) or not isinstance(entry.get("response"), dict):
        return None
    case = entry.get("case")
    return Exchange(f"{origin}, case {case}" if case else origin, entry["request"], entry["response"])
