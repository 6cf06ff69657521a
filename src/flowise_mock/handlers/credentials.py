"""Credentials: single credentials, whose secrets are never shown."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.state.table import Record

BLANK = "_FLOWISE_BLANK_07167752-1a71-43b1-bf8f-4f32252165db"
"""What Flowise shows in place of a secret; a client that sends it back leaves the secret as it is."""


async def get_credential_by_id(call: Call, id: str) -> Record:
    found = call.store.find("credential", id)
    names = jsontext.sequence(found.get("secretNames"))
    return {**found, "plainDataObj": {str(name): BLANK for name in names}}


async def update_credential(call: Call, id: str, body: Record) -> Record:
    return call.store.change("credential", id, columns(body))


def columns(body: Record) -> Record:
    """The columns of a credential: its secrets are not kept, only their names and a digest."""
    row: Record = {column: body[column] for column in ("name", "credentialName") if column in body}
    secrets = body.get("plainDataObj")
    if secrets is None:
        return row
    digest = b64encode(sha256(jsontext.dumps(secrets).encode()).digest()).decode()
    names = jsontext.dumps(list(jsontext.mapping(secrets)))
    return {**row, "encryptedData": digest, "secretNames": names}
