"""Files: what chats were given and what flows made, by flow, chat and name."""

from flowise_mock.call import Call
from flowise_mock.outcomes import FileSent, NotFound
from flowise_mock.store import Record


async def get_upload_file(
    call: Call, chatflow_id: str, chat_id: str, file_name: str, download: bool = False
) -> FileSent:
    # download tells a browser what to do with it; the answer is the same
    return _file(call, chatflow_id, chat_id, file_name)


async def download_assistant_file(call: Call, body: Record) -> FileSent:
    return _file(call, body["chatflowId"], body["chatId"], body["fileName"])


def _file(call: Call, chatflow_id: str, chat_id: str, name: str) -> FileSent:
    call.store.find("chatflow", chatflow_id)
    found = call.store.select("file", chatflowid=chatflow_id, chatId=chat_id, name=name)
    if not found:
        raise NotFound("File", name)
    return FileSent(name, found[-1]["data"])
