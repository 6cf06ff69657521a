"""Files: what chats were given and what flows made, by flow, chat and name."""

from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import Empty, FileSent, NoFlow, NotFound, Traversal
from flowise_mock.state.store import Record


async def get_upload_file(
    call: Call,
    chatflow_id: str = "",
    chat_id: str = "",
    file_name: str = "",
    download: bool | str = False,
) -> FileSent:
    # download tells a browser what to do with it; the answer is the same
    if chatflow_id and chat_id and file_name:
        call.check_uuid("Chatflow", chatflow_id)
    return _file(call, chatflow_id, chat_id, file_name)


async def download_assistant_file(call: Call, body: Record) -> FileSent:
    return _file(call, *(str(body.get(key) or "") for key in ("chatflowId", "chatId", "fileName")))


def _file(call: Call, chatflow_id: str, chat_id: str, name: str) -> FileSent:
    if not (chatflow_id and chat_id and name):
        call.report(Empty("fileName"))
    if ".." in name:
        call.report(Traversal("fileName"))
    if not call.store.has("chatflow", chatflow_id):
        raise NoFlow("Chatflow", chatflow_id)
    found = call.store.select("file", chatflowid=chatflow_id, chatId=chat_id, name=name)
    if not found:
        raise NotFound("File", name)
    return FileSent(name, found[-1]["data"])
