"""Attachments: files uploaded to a chat. The answer has their text."""

import asyncio
import re
from base64 import b64encode

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.behaviour import UnreadFiles
from flowise_mock.flows.call import Call
from flowise_mock.formats.opened import LoadFailure
from flowise_mock.knowledge import documents, files
from flowise_mock.knowledge.files import Upload, name_and_size
from flowise_mock.state.outcomes import (
    DisabledFeature,
    ForbiddenFileType,
    MalformedChatId,
    PathTraversal,
    UnreadableFile,
)
from flowise_mock.state.store import UUID
from flowise_mock.state.table import Record


async def create_attachment(call: Call, chatflow_id: str, chat_id: str, body: Record) -> list[Record]:
    call.check_uuid("Chatflow", chatflow_id)
    if re.search(r"\.\.|\\|%2[eEfF]|%5[cC]", chat_id):
        call.report(PathTraversal("chatId"))
    if not UUID.fullmatch(chat_id):
        call.report(MalformedChatId(chat_id))
    flow = call.store.find("chatflow", chatflow_id)
    settings = jsontext.mapping(flow_data.config(flow, "chatbotConfig").get("fullFileUpload"))
    if not settings.get("status"):
        call.report(DisabledFeature("fullFileUpload"))
    for file in call.files:
        _check(call, settings, file)
    read = await documents.opened(call.files)
    if call.behaviour.unread_files is UnreadFiles.KEPT:
        _store(call, chatflow_id, chat_id)
    base64 = bool(body.get("base64"))
    answer = [await asyncio.to_thread(_attachment, call, file, base64) for file in read]
    _store(call, chatflow_id, chat_id)
    return answer


def _store(call: Call, flow: str, chat: str) -> None:
    for file in call.files:
        files.store(call.store, flow, chat, file)


def _check(call: Call, settings: Record, file: Upload) -> None:
    """Report a file that the settings of the flow do not allow."""
    allowed = [each.strip() for each in str(settings.get("allowedUploadFileTypes") or "").split(",") if each]
    if file.type not in allowed:
        call.report(ForbiddenFileType(file.type, ", ".join(allowed)))
    files.check(call.report, file.name, file.type)


def _attachment(call: Call, file: Upload, base64: bool) -> Record:
    content = b64encode(file.data).decode() if base64 else _text(call, file)
    return {"name": file.name, "mimeType": file.type, "size": len(file.data), "content": content}


def _text(call: Call, file: Upload) -> str:
    try:
        return documents.joined(file)
    except LoadFailure as failure:
        call.report(UnreadableFile(file.name, file.type, str(failure), failure.place))
        return name_and_size(file)
