"""Judges traffic that others make: what an application sent, and what a server answered.

The words are those of a run: checks, deviations, causes, a baseline, a verdict. A check of the application
begins with `request_`.
"""

from __future__ import annotations

import datetime
import email.parser
import email.policy
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from flowise_mock import __version__
from flowise_mock.conform import baseline, causes, curl, schema_errors, streams
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.deviations import Deviation, Findings, Key
from flowise_mock.conform.judge import Failure, Judge, matching, message
from flowise_mock.conform.observations import is_fact
from flowise_mock.conform.verdict import CONFORMS, DEVIATES, INCONCLUSIVE, WORDS
from flowise_mock.contract.paths import API, Paths
from flowise_mock.contract.secrets import Secrets

Run = dict[str, Any]
PHASE = "traffic"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", re.IGNORECASE)


class Traffic:
    """The findings about one server and its clients."""

    def __init__(self, contract: Contract, url: str) -> None:
        self.contract = contract
        self._paths = Paths(contract.document)
        self.findings = Findings()
        self.version = ""
        self.unjudged = 0
        """Exchanges of operations that were not judged, because they were incomplete or too large."""
        self._url = url
        self._judge = Judge(contract)
        self.secrets = Secrets(contract.document)
        self._cases: Counter[str] = Counter()
        self._successes: Counter[str] = Counter()
        self._started, self._clock = datetime.datetime.now(datetime.UTC), time.monotonic()

    def operation(self, method: str, path: str) -> str | None:
        """The ID of the operation; None if the contract has none. HEAD is answered as GET."""
        found = self._paths.find("GET" if method == "HEAD" else method, path)
        return found and found[0].id

    def saw(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, response: Response
    ) -> list[Deviation]:
        """Judge an exchange. Returns the deviations and notes that were not seen before.

        Names of `headers` are in lower case. Paths outside the API are not judged.
        """
        path = target.partition("?")[0]
        if method == "OPTIONS" or not path.startswith(f"{API}/"):
            return []
        operation = self.operation(method, path)
        shown = self._request(operation or self._unknown(method, path), method, target, headers, body)
        self._cases[shown.operation] += 1
        self._successes[shown.operation] += response.success
        if operation is None:
            what = f"{shown.operation} is not in the contract"
            failure = Failure("request_operation_exists", what, "an operation of the contract")
            return self._added(shown, response, [failure])
        self._note_version(operation, response)
        sent = faults_of_request(self.contract, operation, target, headers, body)
        return self._added(shown, response, [*sent, *self._faults_of(operation, method, response)])

    def _faults_of(self, operation: str, method: str, response: Response) -> Iterator[Failure]:
        if method == "HEAD":
            return
        yield from self._judge.judge(operation, response)
        if response.media == "text/event-stream" and not response.error:
            yield from streams.judge(response)

    def _added(self, request: Request, response: Response, failures: Sequence[Failure]) -> list[Deviation]:
        found = []
        for failure in failures:
            note = failure.note or (self.contract.describes_version and is_fact(failure, request))
            key = Key(request.operation, failure.check, failure.what)
            is_new = self.findings.evidence_is_needed(key, note)
            made = self._deviation(request, response, failure, note=note)
            self.findings.add(made)
            found += [made] if is_new else []
        return found

    def _deviation(self, request: Request, response: Response, failure: Failure, *, note: bool) -> Deviation:
        masked = response._replace(body=self.secrets.body(response.body[:64_000], whole=False))
        return Deviation(
            request.operation, failure.check, failure.what,
            expected=failure.expected,
            got=masked.summary(),
            request=f"{request.method} {request.path}",
            curl=curl.command("$URL", request),
            phase=PHASE,
            status=response.status,
            message=message(masked.json())[:300],
            subject=failure.subject,
            note=note,
        )  # fmt: skip

    def _request(
        self, operation: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Request:
        """A request as reports show it: without secrets, and without what only its connection needs."""
        kept = {name: headers[name] for name in ("content-type", "accept") if name in headers}
        path = self.secrets.path(target.removeprefix(API))
        content = self.secrets.body(body[:64_000], whole=len(body) <= 64_000) if body else None
        return Request(operation, method, path, headers=kept, content=content, key="authorization" in headers)

    def _unknown(self, method: str, path: str) -> str:
        """A name for an operation that the contract does not have, without IDs."""
        return f"{method} {_ID.sub('*', self.secrets.path(path.removeprefix(API)))}"

    def _note_version(self, operation: str, response: Response) -> None:
        found = response.json() if operation == "getVersion" and response.success else None
        if isinstance(found, dict):
            self.version = str(found.get("version", ""))

    # --- the result ---

    def result(self, entries: Sequence[baseline.Entry] = (), file: str = "") -> Run:
        """What was seen, as the data that all reports are made of."""
        findings = list(self.findings)
        sorted_ = baseline.sort(
            [each for each in findings if not each.note], entries, self.version, datetime.date.today(), set()
        )
        failing = [*sorted_.new, *(each for each, _ in sorted_.expired)]
        known = [each for each, _ in sorted_.known]
        groups = causes.grouped(failing)
        status = self._status(failing)
        operations = self.contract.operations
        return {
            "tool": f"flowise-mock {__version__}",
            "url": self._url,
            "server": self.version,
            "contract": self.contract.name,
            "title": self.contract.title,
            "command": "",
            "baseline": file,
            "seed": 0,
            "writes": False,
            "verdict": WORDS[status],
            "status": status,
            "headline": self._headline(status, len(failing), len(known), len(groups)),
            "doubts": self._doubts(),
            "interrupted": False,
            "phases": {PHASE: self._phase()},
            "operations": {
                id: {"method": each.method.upper(), "path": each.path, "tag": each.tag}
                for id, each in operations.items()
            },
            "judged": [],
            "seen": sorted(id for id in self._cases if id in operations),
            "unseen": {id: "no request came" for id in operations if id not in self._cases},
            "cases": {id: {PHASE: number} for id, number in sorted(self._cases.items())},
            "successes": {id: {PHASE: number} for id, number in sorted(self._successes.items())},
            "causes": groups,
            "known_causes": causes.grouped(known),
            "new": [each.as_json() for each in sorted_.new],
            "known": [{**each.as_json(), "baseline": entry._asdict()} for each, entry in sorted_.known],
            "expired": [{**each.as_json(), "baseline": entry._asdict()} for each, entry in sorted_.expired],
            "vanished": [],
            "notes": [each.as_json() for each in findings if each.note],
            "steps": {},
            "undo": {},
            "records": {
                "checked": 0, "before": 0, "made": 0, "changed": [], "vanished": [], "appeared": [],
                "left": [], "lasting": [], "unread": {},
            },
            "key": curl.KEY,
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self._clock, 1),
            "mark": "",
            "ledger": "",
        }  # fmt: skip

    def _status(self, failing: list[Deviation]) -> int:
        if failing:
            return DEVIATES
        return CONFORMS if self._cases else INCONCLUSIVE

    def _headline(self, status: int, failing: int, known: int, groups: int) -> str:
        exchanges, operations = self._cases.total(), len(self._cases)
        seen = (
            f"{exchanges} exchange{'s' * (exchanges != 1)} of {operations} operation{'s' * (operations != 1)}"
        )
        if status == DEVIATES:
            more = f", {known} known" if known else ""
            causes = f"{groups} cause{'s' * (groups != 1)}"
            return f"deviates: {causes}, {failing} deviation{'s' * (failing != 1)}{more} ({seen})"
        if status == INCONCLUSIVE:
            return "inconclusive: no request of the API came"
        return f"conforms to its baseline ({known} known, {seen})" if known else f"conforms ({seen})"

    def _doubts(self) -> list[str]:
        several = f"{self.unjudged} exchange{'s' * (self.unjudged != 1)}"
        return [f"{several} not judged: incomplete, too large or too many"] if self.unjudged else []

    def _phase(self) -> dict[str, Any]:
        return {
            "cases": self._cases.total(),
            "successes": self._successes.total(),
            "seconds": round(time.monotonic() - self._clock, 1),
        }


# --- requests ----------------------------------------------------------------------------------------


def faults_of_request(
    contract: Contract, operation: str, target: str, headers: Mapping[str, str], body: bytes
) -> Iterator[Failure]:
    """What an application sent that the contract does not know, or does not allow."""
    yield from _parameters(contract, operation, target)
    documented = contract.bodies(operation)
    if not body.strip():
        definition = contract.operations[operation].definition.get("requestBody", {})
        if definition.get("required"):
            yield Failure("request_body_conformance", "the body is missing", " or ".join(documented))
        return
    if not documented:
        yield Failure("request_body_conformance", "a body is sent", "no body")
        return
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    known = matching(media, documented)
    if known is None:
        what = f"a body as {media or 'no media type'}"
        yield Failure("request_body_conformance", what, " or ".join(documented))
    elif known == "application/json" or known.endswith("+json"):
        yield from _json(contract, documented[known], body)
    elif known == "multipart/form-data":
        yield from _form(contract, documented[known], headers["content-type"], body)


def _parameters(contract: Contract, operation: str, target: str) -> Iterator[Failure]:
    known = {each["name"]: each for each in contract.parameters(operation) if each["in"] == "query"}
    sent = parse_qsl(target.partition("?")[2], keep_blank_values=True)
    for name in dict.fromkeys(name for name, _ in sent):
        if name.partition("[")[0] not in known:
            yield Failure("request_parameter_is_known", f"the query has {name}", "documented parameters only")
    for name, parameter in known.items():
        values = [value for each, value in sent if each == name]
        if not values and parameter.get("required"):
            yield Failure("request_parameter_conformance", f"the query lacks {name}", name)
        schema = parameter.get("schema", {})
        if len(values) == 1 and schema.get("type") not in ("array", "object", None):
            validator = contract.schemas.compile(schema)
            if not any(validator.accepts(each) for each in _read(unquote(values[0]))):
                what = f"the query has an invalid {name}"
                yield Failure("request_parameter_conformance", what, json.dumps(schema)[:200])


def _read(text: str) -> Iterator[Any]:
    """The values that a text of a query can be."""
    yield text
    try:
        yield json.loads(text)
    except ValueError:
        return


def _json(contract: Contract, schema: dict[str, Any], body: bytes) -> Iterator[Failure]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        yield Failure("request_body_conformance", "the body is not JSON", "JSON")
        return
    document, validator = contract.document, contract.schemas.compile(schema)
    for error in schema_errors.errors(document, schema, validator, value):
        yield Failure("request_body_conformance", f"body {error.what}", error.expected, subject=error.subject)
    for field in schema_errors.undocumented_fields(document, schema, value):
        yield Failure("request_field_is_known", f"body {field}", "documented fields only")


def _form(contract: Contract, schema: dict[str, Any], media: str, body: bytes) -> Iterator[Failure]:
    """What is wrong with the names of a form; its values are texts and files, and are not judged."""
    head = f"Content-Type: {media}\r\n\r\n".encode("latin-1")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not form.is_multipart():
        yield Failure("request_body_conformance", "the body is no form", "multipart/form-data")
        return
    sent = dict.fromkeys(str(part.get_param("name", "", "content-disposition")) for part in form.iter_parts())
    parts = list(schema_errors.expanded(contract.document, [schema]))
    known = {name for part in parts for name in part.get("properties", {})}
    for name in {name for part in parts for name in part.get("required", [])} - set(sent):
        yield Failure("request_body_conformance", f"body / lacks {name}", name)
    if known and all(part.get("additionalProperties") is None for part in parts):
        for name in sent:
            if name not in known:
                yield Failure("request_field_is_known", f"body /{name}", "documented fields only")
