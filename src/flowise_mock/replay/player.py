"""The player: sends the requests of a recording to a server, with its ids and keys, and compares the answers.

Each request has the recorded time in the header `Flowise-Mock-Time`: the mock uses it, a real server ignores
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from flowise_mock.replay.compare import RecordedTypes, differences, stream_differences
from flowise_mock.replay.details import NO_DETAILS, Details, details, header_names
from flowise_mock.replay.exchanges import API_KEY, CUT, LOW_KEY, Exchange, media_of
from flowise_mock.replay.id_map import IdMap
from flowise_mock.replay.restore_nodes import restore_nodes
from flowise_mock.replay.transport import Answer, HttpTransport, Request, Transport
from flowise_mock.state.store import UUID

TIME_HEADER = "Flowise-Mock-Time"
READING = ("GET", "HEAD", "OPTIONS")
OVERSIZE = 51 * 1024 * 1024
"""The size of the body that is too large for a server; recordings have its first 2,000 bytes."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass
class PlayResult:
    """The result of one exchange: why it could not be played, or how the answer differs."""

    exchange: Exchange
    skipped: str = ""
    differences: list[str] = field(default_factory=list)
    error: bool = False
    same_text: bool = False
    """Whether an error body agrees word for word; `error` says whether it is an error."""
    answer: Answer = field(default_factory=lambda: Answer(None))
    details: Details = NO_DETAILS
    expected: Any = None
    """The recorded body, with the ids of this server."""

    @property
    def agrees(self) -> bool:
        return not self.skipped and not self.differences


class Player:
    """Plays one recording against one server, given by its URL or by a transport.

    `patience` is the wait, in seconds, if the recording has no answer.
    """

    def __init__(
        self,
        server: str | Transport,
        api_key: str,
        low_key: str | None = None,
        patience: float = 3.0,
        timeout: float = 60.0,
    ) -> None:
        self.transport = HttpTransport(server) if isinstance(server, str) else server
        self.ids = IdMap({API_KEY: api_key, **({LOW_KEY: low_key} if low_key else {})})
        self.patience = patience
        self.timeout = timeout
        self.time = ""
        self.types = RecordedTypes()
        self.deleted: set[str] = set()
        self.foreign: set[tuple[str, str]] = set()
        self.header_names: frozenset[str] = frozenset()
        self.recorded: set[tuple[str, str]] = set()
        self.node_types: dict[str, dict[str, Any]] = {}

    def play(self, exchanges: Iterable[Exchange]) -> Iterator[PlayResult]:
        """Play the exchanges in their order."""
        recorded = list(exchanges)
        self.header_names = header_names(recorded)
        for exchange in recorded:
            if exchange.status == 200:
                self.types.learn(exchange.body, exchange.operation)
        self._map_key(recorded)
        for exchange in recorded:
            yield self._play(exchange)

    def _play(self, exchange: Exchange) -> PlayResult:
        reason = self._unplayable(exchange)
        if reason:
            return PlayResult(exchange, reason)
        self._update_time(exchange)
        self._note_recorded(exchange)
        answer = self.send(exchange)
        expected = exchange.body
        found = list(self._differences(exchange, answer))
        got = _json(answer.body)
        if answer.status == exchange.status == 200 and exchange.streamed is None:
            self.ids.learn(expected, got)
            if exchange.request["method"] == "DELETE":
                self.deleted.add(exchange.request["path"])
        result = PlayResult(exchange, "", found, answer=answer, expected=self.ids.translate_value(expected))
        if exchange.status is not None and exchange.status == answer.status:
            result.details = details(
                exchange, answer.headers, answer.body, self.ids.translate_text, self.header_names
            )
        if exchange.status is not None and exchange.status >= 400:
            result.error = True
            body = answer.body.decode(errors="replace") if got is None else got
            result.same_text = self.ids.translate_value(expected) == body
        return result

    def send_all(self, exchanges: Iterable[Exchange]) -> Iterator[tuple[Exchange, Answer]]:
        """Send each request that can be sent again. Yields the exchange and the answer, without comparing."""
        recorded = list(exchanges)
        self._map_key(recorded)
        for exchange in recorded:
            if LOW_KEY in json.dumps(exchange.request) and LOW_KEY not in self.ids.keys:
                continue
            self._replace_foreign_ids(exchange)
            answer = self.send(exchange)
            if answer.status == 200 and exchange.streamed is None and self._shows_own_records(exchange):
                self.ids.learn(exchange.body, _json(answer.body))
            yield exchange, answer

    def _replace_foreign_ids(self, exchange: Exchange) -> None:
        """Give each unknown id of a writing request a new id, so that it changes no record of others."""
        if exchange.request["method"] in READING:
            return
        sent = json.dumps(
            [exchange.request["path"], exchange.request.get("query"), exchange.request.get("body")]
        )
        for id in UUID.findall(sent):
            if not self.ids.knows(id.lower()):
                self.ids.add(id.lower(), str(uuid4()))

    def _shows_own_records(self, exchange: Exchange) -> bool:
        """Whether all ids of an answer are of this play: those of a list may be of anyone."""
        if exchange.request["method"] == "POST":
            return True
        return any(self.ids.knows(id.lower()) for id in UUID.findall(str(exchange.request["path"])))

    def delete(self, path: str) -> None:
        """Delete the record at a path below the API."""
        request = {
            "method": "DELETE",
            "path": f"/api/v1{path}",
            "headers": {"Authorization": f"Bearer {self.ids.keys[API_KEY]}"},
        }
        self.send(Exchange("", "", request, {"status": 200}))

    def is_gone(self, path: str) -> bool:
        """Whether the list of its resource lacks the record at a path; without a list, whether it is unknown.

        One broken record may keep a server from showing its list.
        """
        collection, _, id = path.rpartition("/")
        shown = self._get(collection)
        if isinstance(shown, list):
            return id not in json.dumps(shown)
        return _is_missing(json.dumps(self._get(path)), id)

    # --- requests ---

    def _unplayable(self, exchange: Exchange) -> str:
        answer = json.dumps([exchange.body, exchange.response.get("raw_chunks")])
        if LOW_KEY in json.dumps(exchange.request) and LOW_KEY not in self.ids.keys:
            return "needs a key with the permission tools:view alone: --low-key"
        if (
            re.search(r"abort(ed)?\b|TERMINATED|was cancelled", answer)
            and exchange.request["method"] == "POST"
        ):
            return "another request ended the run"
        if exchange.case == "client_disconnect":
            return "the client left during the stream"
        if "transaction within a transaction" in answer:
            return "two requests collided in the database"
        last = _last(exchange)
        exists = self.ids.translate(last) != last and exchange.request["path"] not in self.deleted
        if exists and _is_missing(answer, last):
            return "the record is missing, and the recording lacks the request that deleted it"
        if self._is_foreign(exchange, last):
            return "it shows a record that the recording did not create"
        body = exchange.body
        if exchange.request["method"] == "GET" and isinstance(body, list) and body:
            ids = [str(each.get("id")) for each in body if isinstance(each, dict)]
            unknown = [id for id in ids if not self.ids.is_sure(id)]
            if ids and len(unknown) == len(ids) and not self._has_items(exchange):
                return "it shows records that the recording did not create"
        return ""

    def _is_foreign(self, exchange: Exchange, last: str) -> bool:
        """Whether the exchange is about a record that the recording did not create.

        That is a record whose id is in no earlier answer. All later requests for this resource and id are
        about that record.
        """
        place = (_resource(exchange), last)
        body = exchange.body
        shown = isinstance(body, dict) and body.get("id") == last and exchange.status == 200
        if shown and place not in self.recorded and exchange.request["method"] in ("GET", "PUT"):
            self.foreign.add(place)
        sent = json.dumps(exchange.request.get("body"))
        return place in self.foreign or any(place[0] == name and id in sent for name, id in self.foreign)

    def _note_recorded(self, exchange: Exchange) -> None:
        """Note the records of a resource that a recorded answer shows."""
        shown = exchange.body if isinstance(exchange.body, list) else [exchange.body]
        if exchange.status == 200:
            ids = [each["id"] for each in shown if isinstance(each, dict) and isinstance(each.get("id"), str)]
            self.recorded |= {(_resource(exchange), id) for id in ids}

    def _has_items(self, exchange: Exchange) -> bool:
        """Whether this server answers anything but an empty list."""
        answer = _json(self.send(exchange).body)
        return not isinstance(answer, list) or bool(answer)

    def send(self, exchange: Exchange) -> Answer:
        """Send the request of an exchange, with the ids and keys of this server."""
        request = exchange.request
        target = self.target(exchange)
        if request.get("query"):
            target += "?" + urlencode(self.ids.translate_value(request["query"]), quote_via=quote)
        body, media = self._body(exchange)
        headers = {name: self.ids.translate_text(str(text)) for name, text in request["headers"].items()}
        if media:
            headers["Content-Type"] = media
        if self.time:
            headers[TIME_HEADER] = self.time
        wait = self.patience if exchange.status is None else self.timeout
        return self.transport(Request(request["method"], target, headers, body, wait))

    def target(self, exchange: Exchange) -> str:
        """The path of a request, with the ids of this server."""
        return self.ids.translate_text(str(exchange.request["path"]))

    def _body(self, exchange: Exchange) -> tuple[bytes | None, str]:
        body = exchange.request.get("body")
        if body is None:
            return None, ""
        if isinstance(body, dict) and body.keys() == {"raw"}:
            sent = self.ids.translate_text(body["raw"]).encode()
            return (sent.ljust(OVERSIZE - 2, b"a") + b'"}' if exchange.status == 413 else sent), ""
        if isinstance(body, dict) and body.keys() == {"multipart"}:
            return self._multipart(body["multipart"]), "multipart/form-data; boundary=flowise-mock"
        body = self.ids.translate_value(body)
        if isinstance(body, dict) and "flowData" in body:
            body["flowData"] = self.restored(body["flowData"])
        return json.dumps(body).encode(), ""

    def restored(self, flow_data: Any) -> Any:
        """A flow with the descriptions that the recording left out."""
        return restore_nodes(flow_data, self._node_type)

    def _multipart(self, form: dict[str, Any]) -> bytes:
        parts = []
        for name, value in form.get("fields", []):
            parts.append(f'name="{name}"\r\n\r\n{self.ids.translate_text(str(value))}')
        for name, filename, media, size in form.get("files", []):
            text = ("a note " * (size // 7 + 1))[:size]
            parts.append(f'name="{name}"; filename="{filename}"\r\nContent-Type: {media}\r\n\r\n{text}')
        head = "--flowise-mock\r\nContent-Disposition: form-data; "
        return "".join(f"{head}{part}\r\n" for part in parts).encode() + b"--flowise-mock--\r\n"

    # --- keys, node types, time ---

    def _map_key(self, recorded: list[Exchange]) -> None:
        """Map the id of the recorded key, to which flows are bound, to the id of the key in use."""
        bound = {
            exchange.response["body"]["id"]: exchange.request["body"]["apikeyid"]
            for exchange in recorded
            if exchange.operation == "createChatflow"
            and exchange.status == 200
            and isinstance(exchange.request["body"], dict)
            and exchange.request["body"].get("apikeyid")
        }
        for exchange in recorded:
            flow = exchange.request["path"].rpartition("/")[2]
            opened = (
                API_KEY in exchange.request["headers"].get("Authorization", "") and exchange.status == 200
            )
            if exchange.operation == "createPrediction" and opened and flow in bound:
                id = self._key_id()
                if id:
                    self.ids.add(bound[flow], id)

    def _get(self, path: str) -> Any:
        """The JSON answer to a GET below the API, or None if the answer is not JSON."""
        headers = {"Authorization": f"Bearer {self.ids.keys[API_KEY]}"}
        request = {"method": "GET", "path": f"/api/v1{path}", "headers": headers}
        return _json(self.send(Exchange("", "", request, {"status": 200})).body)

    def _node_type(self, name: str) -> dict[str, Any]:
        if name not in self.node_types:
            found = self._get(f"/nodes/{quote(name)}")
            self.node_types[name] = found if isinstance(found, dict) else {}
        return self.node_types[name]

    def _key_id(self) -> str | None:
        key = self.ids.keys[API_KEY]
        found = self._get("/apikey")
        for record in found if isinstance(found, list) else []:
            if isinstance(record, dict) and record.get("apiKey") == key:
                return str(record["id"])
        return None

    def _update_time(self, exchange: Exchange) -> None:
        """Set the time of the recording: the newest date in the answers to changes."""
        if exchange.request["method"] in ("POST", "PUT"):
            dates = _DATE.findall(json.dumps(exchange.body))
            self.time = max([self.time, *dates])

    # --- differences ---

    def _differences(self, exchange: Exchange, answer: Answer) -> Iterator[str]:
        if exchange.status != answer.status:
            body = answer.body.decode(errors="replace")[:200]
            yield f"status: expected {exchange.status}, got {answer.status} {body}"
            return
        if exchange.status is None:
            return
        expected, got = exchange.media, media_of(answer.headers)
        if expected != got:
            yield f"media type: expected {expected or 'none'}, got {got or 'none'}"
        elif exchange.streamed is not None:
            yield from stream_differences(exchange.streamed, answer.body.decode(errors="replace"))
        elif expected == "application/json" and not _is_cut(exchange.body):
            yield from self._json_differences(exchange, answer.body)

    def _json_differences(self, exchange: Exchange, body: bytes) -> Iterator[str]:
        expected = exchange.body
        if expected == "" or not body:
            if bool(expected) != bool(body):
                yield f"body: expected {'one' if expected else 'none'}, got {len(body)} bytes"
            return
        got = _json(body)
        if got is None and body != b"null":
            yield "body: not JSON"
        else:
            yield from differences(expected, got, "body", self.types, exchange.operation)


def _resource(exchange: Exchange) -> str:
    """The first segment of a path below the API."""
    return "".join(str(exchange.request["path"]).split("/")[3:4])


def _last(exchange: Exchange) -> str:
    return str(exchange.request["path"]).rstrip("/").rpartition("/")[2]


def _is_missing(answer: str, id: str) -> bool:
    """Whether an answer says that there is no record with this id."""
    return f"{id} not found" in answer or "Unable to locate" in answer


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _is_cut(body: Any) -> bool:
    return isinstance(body, str) and body.startswith(CUT)
