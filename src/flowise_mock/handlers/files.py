"""Files: uploads of chats and results of flows, by flow, chat and name."""

from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import EmptyField, FileDownload, FlowNotFound, NotFound, PathTraversal
from flowise_mock.state.table import Record


async def get_upload_file(
    call: Call,
    chatflow_id: str = "",
    chat_id: str = "",
    file_name: str = "",
    download: bool | str = False,
) -> FileDownload:
    # download only affects how a browser shows the file
    if chatflow_id and chat_id and file_name:
        call.check_uuid("Chatflow", chatflow_id)
    return _file(call, chatflow_id, chat_id, file_name)


async def download_assistant_file(call: Call, body: Record) -> FileDownload:
    return _file(call, *(str(body.get(key) or "") for key in ("chatflowId", "chatId", "fileName")))


def _file(call: Call, chatflow_id: str, chat_id: str, name: str) -> FileDownload:
    if not (chatflow_id and chat_id and name):
        call.report(EmptyField("fileName"))
    if ".." in name:
        call.report(PathTraversal("fileName"))
    if not call.store.has("chatflow", chatflow_id):
        raise FlowNotFound("Chatflow", chatflow_id)
    found = call.store.select("file", chatflowid=chatflow_id, chatId=chat_id, name=name)
    if not found:
        raise NotFound("File", name)
    return FileDownload(name, found[-1]["data"])
