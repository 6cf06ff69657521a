"""Credentials: single credentials, whose secrets are never shown or kept."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.state.table import Record

BLANK = "_FLOWISE_BLANK_07167752-1a71-43b1-bf8f-4f32252165db"
"""What Flowise shows in place of a secret; a client that sends it back leaves the secret as it is."""


_SECRET = re.compile(r"key|secret|token|password|passphrase|credential|connectionstring", re.IGNORECASE)
"""Names of fields that hold secrets: the type of a field is known to its component only."""


async def get_credential_by_id(call: Call, id: str) -> Record:
    found = call.store.find("credential", id)
    return {**found, "plainDataObj": jsontext.mapping(found.get("visibleData"))}


async def update_credential(call: Call, id: str, body: Record) -> Record:
    """Fields of the data that are not sent do not change."""
    known = jsontext.mapping(call.store.find("credential", id).get("visibleData"))
    return call.store.change("credential", id, columns(body, known))


def columns(body: Record, known: Record | None = None) -> Record:
    """The columns of a credential: of its secrets, only a digest is kept, and blanks to show."""
    row: Record = {column: body[column] for column in ("name", "credentialName") if column in body}
    sent = body.get("plainDataObj")
    if sent is None:
        return row
    digest = b64encode(sha256(jsontext.dumps(sent).encode()).digest()).decode()
    shown = {name: BLANK if _SECRET.search(name) else value for name, value in jsontext.mapping(sent).items()}
    return {**row, "encryptedData": digest, "visibleData": jsontext.dumps((known or {}) | shown)}
