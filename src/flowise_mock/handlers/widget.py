"""Widget: the requests of a chat widget before the first question."""

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.call import Call
from flowise_mock.flows.dispatch import check_ending, streamable
from flowise_mock.state.outcomes import PrivateRecord
from flowise_mock.state.table import Record

_IMAGES = ["image/gif", "image/jpeg", "image/png", "image/webp", ""]
_IMAGE_MB = 5


async def get_chatflow_streaming(call: Call, id: str) -> Record:
    flow = call.store.find("chatflow", id)
    check_ending(call, flow)
    return {"isStreaming": streamable(call, flow)}


async def get_public_chatbot_config(call: Call, id: str) -> Record:
    flow = call.store.find("chatflow", id)
    return {
        **flow_data.config(flow, "chatbotConfig"),
        "uploads": _uploads(flow),
        "flowData": _public_flow_data(flow),
        "isTTSEnabled": False,
    }


async def get_public_chatflow(call: Call, id: str) -> Record:
    flow = call.chatflow(id)
    if not flow.get("isPublic"):
        raise PrivateRecord("Chatflow", id)
    return {**flow, "flowData": _public_flow_data(flow)}


async def get_chatflow_uploads(call: Call, id: str) -> Record:
    return _uploads(call.store.find("chatflow", id))


def _uploads(flow: Record) -> Record:
    images = any(node.inputs.get("allowImageUploads") in (True, "true") for node in flow_data.nodes(flow))
    speech = flow_data.config(flow, "speechToText")
    return {
        "isSpeechToTextEnabled": any(
            isinstance(each, dict) and each.get("status") is True for each in speech.values()
        ),
        "isImageUploadAllowed": images,
        "isRAGFileUploadAllowed": False,
        "imgUploadSizeAndTypes": [{"fileTypes": _IMAGES, "maxUploadSize": _IMAGE_MB}] if images else [],
        "fileUploadSizeAndTypes": [],
    }


def _public_flow_data(flow: Record) -> str:
    """The flow's graph without secrets, in a form that the widget can read.

    The widget reads `data.name` of each node, so every node must have data.
    """
    graph = jsontext.mapping(flow.get("flowData"))
    nodes = [node for node in jsontext.sequence(graph.get("nodes")) if isinstance(node, dict)]
    for node in nodes:
        node["data"] = jsontext.mapping(node.get("data"))
        node["data"].pop("credential", None)
    return jsontext.dumps({**graph, "nodes": nodes, "edges": jsontext.sequence(graph.get("edges"))})
