"""Attachments: files given to a chat, answered with their text."""

from base64 import b64encode

from flowise_mock import documents
from flowise_mock.call import Call, Upload
from flowise_mock.store import Record


async def create_attachment(call: Call, chatflow_id: str, chat_id: str, body: Record) -> list[Record]:
    call.store.find("chatflow", chatflow_id)
    return [_attachment(file, bool(body.get("base64"))) for file in call.files]


def _attachment(file: Upload, base64: bool) -> Record:
    content = b64encode(file.data).decode() if base64 else documents.text_of(file)
    return {"name": file.name, "mimeType": file.type, "size": len(file.data), "content": content}
