"""The player: asks a server what a recording asked, with its ids and keys, and compares the answers.

The recorded time goes with each request as `Flowise-Mock-Time`, which the mock
follows and a real server ignores.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flowise_mock.replay.compare import Seen, differences, stream_differences
from flowise_mock.replay.exchanges import API_KEY, CUT, LOW_KEY, Exchange, RecordingError, media_of
from flowise_mock.replay.id_map import Ids
from flowise_mock.replay.restore_nodes import drawn

TIME_HEADER = "Flowise-Mock-Time"
OVERSIZE = 51 * 1024 * 1024
"""Bytes of the body that a server must call too large; recordings keep its first 2,000."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass
class Answer:
    """What the server under test answered; `status` None is nothing within the time allowed."""

    status: int | None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Played:
    """One exchange after the play: why it could not be played, or how the answer differs."""

    exchange: Exchange
    skipped: str = ""
    differences: list[str] = field(default_factory=list)
    error: bool = False
    worded: bool = False
    """Whether an error body agrees word for word; `error` tells whether it is one."""

    @property
    def agrees(self) -> bool:
        return not self.skipped and not self.differences


class Player:
    """Plays one recording against one server. `patience` is in seconds, for answers that never come."""

    def __init__(self, url: str, api_key: str, low_key: str | None = None, patience: float = 3.0) -> None:
        self.address = urlsplit(url if "//" in url else f"http://{url}")
        if self.address.scheme != "http":
            raise RecordingError(f"{url}: give the address of a server as http://host:port")
        self.ids = Ids({API_KEY: api_key, **({LOW_KEY: low_key} if low_key else {})})
        self.patience = patience
        self.time = ""
        self.seen = Seen()
        self.deleted: set[str] = set()
        self.unmade: set[tuple[str, str]] = set()
        self.kinds: dict[str, dict[str, Any]] = {}

    def play(self, exchanges: Iterable[Exchange]) -> Iterator[Played]:
        """Each exchange in turn."""
        recorded = list(exchanges)
        for exchange in recorded:
            if exchange.status == 200:
                self.seen.learn(exchange.body, exchange.operation)
        self._map_key(recorded)
        for exchange in recorded:
            yield self._played(exchange)

    def _played(self, exchange: Exchange) -> Played:
        reason = self._unplayable(exchange)
        if reason:
            return Played(exchange, reason)
        self._tell_time(exchange)
        answer = self._ask(exchange)
        expected = exchange.body
        found = list(self._differences(exchange, answer))
        got = _json(answer.body)
        if answer.status == exchange.status == 200 and exchange.streamed is None:
            self.ids.learn(expected, got)
            if exchange.request["method"] == "DELETE":
                self.deleted.add(exchange.request["path"])
        played = Played(exchange, "", found)
        if exchange.status is not None and exchange.status >= 400:
            played.error = True
            told = answer.body.decode(errors="replace") if got is None else got
            played.worded = self.ids.mapped(expected) == told
        return played

    def ask_all(self, exchanges: Iterable[Exchange]) -> Iterator[tuple[Exchange, Answer]]:
        """Each exchange that can be asked again, and what is answered now; nothing is compared."""
        recorded = list(exchanges)
        self._map_key(recorded)
        for exchange in recorded:
            if LOW_KEY in json.dumps(exchange.request) and LOW_KEY not in self.ids.keys:
                continue
            answer = self._ask(exchange)
            if answer.status == 200 and exchange.streamed is None:
                self.ids.learn(exchange.body, _json(answer.body))
            yield exchange, answer

    def delete(self, path: str) -> bool:
        """Delete what was made at a path below the API; whether it is gone."""
        asked = {
            "method": "DELETE",
            "path": f"/api/v1{path}",
            "headers": {"Authorization": f"Bearer {self.ids.keys[API_KEY]}"},
        }
        answer = self._ask(Exchange("", "", asked, {"status": 200}))
        return answer.status is not None and (answer.status < 500 or b"not found" in answer.body)

    # --- what is asked ---

    def _unplayable(self, exchange: Exchange) -> str:
        told = json.dumps([exchange.body, exchange.response.get("raw_chunks")])
        if LOW_KEY in json.dumps(exchange.request) and LOW_KEY not in self.ids.keys:
            return "needs a key with the permission tools:view alone: --low-key"
        if re.search(r"abort(ed)?\b|TERMINATED|was cancelled", told) and exchange.request["method"] == "POST":
            return "the run was ended from outside while it went on"
        if exchange.case == "client_disconnect":
            return "the client went away in mid-stream"
        if "transaction within a transaction" in told:
            return "two requests met in the database"
        last = _last(exchange)
        alive = self.ids.of(last) != last and exchange.request["path"] not in self.deleted
        if alive and _is_gone(told, last):
            return "the record is gone, and the recording lacks what deleted it"
        if self._is_unmade(exchange, last):
            return "it shows a record that the recording did not make"
        body = exchange.body
        if exchange.request["method"] == "GET" and isinstance(body, list) and body:
            ids = [str(each.get("id")) for each in body if isinstance(each, dict)]
            unmade = [id for id in ids if not self.ids.is_sure(id)]
            if ids and len(unmade) == len(ids) and not self.listed(exchange):
                return "it shows records that the recording did not make"
        return ""

    def _is_unmade(self, exchange: Exchange, last: str) -> bool:
        """Whether the recorded server answered of a record whose making the recording lacks.

        It does where a record is shown under an id that no answer before told; then all that is asked of
        this resource and id was asked of that record.
        """
        resource = str(exchange.request["path"]).split("/")[3:4]
        place = (resource[0] if resource else "", last)
        body = exchange.body
        shown = isinstance(body, dict) and body.get("id") == last and exchange.status == 200
        if shown and not self.ids.knows(last) and exchange.request["method"] in ("GET", "PUT"):
            self.unmade.add(place)
        told = json.dumps(exchange.request.get("body"))
        return place in self.unmade or any(place[0] == name and id in told for name, id in self.unmade)

    def listed(self, exchange: Exchange) -> bool:
        """Whether this server has anything to show where the recording shows what others made."""
        answer = _json(self._ask(exchange).body)
        return not isinstance(answer, list) or bool(answer)

    def _ask(self, exchange: Exchange) -> Answer:
        request = exchange.request
        target = self.target(exchange)
        if request.get("query"):
            target += "?" + urlencode(self.ids.mapped(request["query"]), quote_via=quote)
        body, media = self._body(exchange)
        headers = {name: self.ids.replaced(str(text)) for name, text in request["headers"].items()}
        if media:
            headers["Content-Type"] = media
        if self.time:
            headers[TIME_HEADER] = self.time
        silent = exchange.status is None
        connection = http.client.HTTPConnection(
            self.address.hostname or "", self.address.port, timeout=self.patience if silent else 60
        )
        try:
            connection.request(request["method"], target, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (TimeoutError, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return Answer(None)
        except (ConnectionRefusedError, socket.gaierror) as error:
            where = self.address.netloc or self.address.geturl()
            raise RecordingError(
                f"{where} does not answer: {error.strerror}; is the server running?"
            ) from None
        finally:
            connection.close()

    def target(self, exchange: Exchange) -> str:
        """The path of a request, with the ids of this server."""
        return self.ids.replaced(str(exchange.request["path"]))

    def _body(self, exchange: Exchange) -> tuple[bytes | None, str]:
        body = exchange.request.get("body")
        if body is None:
            return None, ""
        if isinstance(body, dict) and body.keys() == {"raw"}:
            text = self.ids.replaced(body["raw"])
            if exchange.status == 413:
                text += "a" * (OVERSIZE - len(text) - 2) + '"}'
            return text.encode(), ""
        if isinstance(body, dict) and body.keys() == {"multipart"}:
            return self._multipart(body["multipart"]), "multipart/form-data; boundary=flowise-mock"
        body = self.ids.mapped(body)
        if isinstance(body, dict) and "flowData" in body:
            body["flowData"] = drawn(body["flowData"], self._kind)
        return json.dumps(body).encode(), ""

    def _multipart(self, form: dict[str, Any]) -> bytes:
        parts = []
        for name, value in form.get("fields", []):
            parts.append(f'name="{name}"\r\n\r\n{self.ids.replaced(str(value))}')
        for name, filename, media, size in form.get("files", []):
            text = ("a note " * (size // 7 + 1))[:size]
            parts.append(f'name="{name}"; filename="{filename}"\r\nContent-Type: {media}\r\n\r\n{text}')
        head = "--flowise-mock\r\nContent-Disposition: form-data; "
        return "".join(f"{head}{part}\r\n" for part in parts).encode() + b"--flowise-mock--\r\n"

    # --- keys, kinds, time ---

    def _map_key(self, recorded: list[Exchange]) -> None:
        """Map the id of the recorded key, which flows are bound to, to that of the key in use."""
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
                    self.ids.put(bound[flow], id)

    def _get(self, path: str) -> Any:
        """What the server answers to a GET below the API; None where that is no JSON."""
        headers = {"Authorization": f"Bearer {self.ids.keys[API_KEY]}"}
        asked = {"method": "GET", "path": f"/api/v1{path}", "headers": headers}
        return _json(self._ask(Exchange("", "", asked, {"status": 200})).body)

    def _kind(self, name: str) -> dict[str, Any]:
        if name not in self.kinds:
            found = self._get(f"/nodes/{quote(name)}")
            self.kinds[name] = found if isinstance(found, dict) else {}
        return self.kinds[name]

    def _key_id(self) -> str | None:
        key = self.ids.keys[API_KEY]
        found = self._get("/apikey")
        for record in found if isinstance(found, list) else []:
            if isinstance(record, dict) and record.get("apiKey") == key:
                return str(record["id"])
        return None

    def _tell_time(self, exchange: Exchange) -> None:
        """Keep the time of the recording: the newest date that a change was answered with."""
        if exchange.request["method"] in ("POST", "PUT"):
            dates = _DATE.findall(json.dumps(exchange.body))
            self.time = max([self.time, *dates])

    # --- how it differs ---

    def _differences(self, exchange: Exchange, answer: Answer) -> Iterator[str]:
        if exchange.status != answer.status:
            told = answer.body.decode(errors="replace")[:200]
            yield f"status: expected {exchange.status}, got {answer.status} {told}"
            return
        if exchange.status is None:
            return
        expected, got = exchange.media, media_of(answer.headers)
        if expected != got:
            yield f"media type: expected {expected or 'none'}, got {got or 'none'}"
        elif exchange.streamed is not None:
            yield from stream_differences(exchange.streamed, answer.body.decode(errors="replace"))
        elif expected == "application/json" and not _cut(exchange.body):
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
            yield from differences(expected, got, "body", self.seen, exchange.operation)


def _last(exchange: Exchange) -> str:
    return str(exchange.request["path"]).rstrip("/").rpartition("/")[2]


def _is_gone(told: str, id: str) -> bool:
    """Whether an answer says that there is no record with this id."""
    return f"{id} not found" in told or "Unable to locate" in told


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _cut(body: Any) -> bool:
    return isinstance(body, str) and body.startswith(CUT)
