"""Catalogue: a small selection of nodes, the credentials, and the templates."""

from base64 import b64encode
from hashlib import sha256

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import node_catalogue
from flowise_mock.state.outcomes import Deletion, NotFound
from flowise_mock.state.table import Record


async def get_all_nodes(call: Call) -> list[Record]:
    return node_catalogue.nodes()


async def get_node_by_name(call: Call, name: str) -> Record:
    return _node(name)


async def get_nodes_by_category(call: Call, name: str) -> list[Record]:
    return [node for node in node_catalogue.nodes() if node["category"] == name]


async def get_node_icon(call: Call, name: str) -> str:
    return node_catalogue.icon(_node(name))


async def get_all_credentials(call: Call) -> list[Record]:
    return call.store.select("credential")


async def create_credential(call: Call, body: Record) -> Record:
    row: Record = {column: body[column] for column in ("name", "credentialName") if column in body}
    secret = b64encode(sha256(jsontext.dumps(body.get("plainDataObj")).encode()).digest()).decode()
    return call.store.create("credential", {**row, "encryptedData": secret})


async def delete_credential(call: Call, id: str) -> Deletion:
    return call.store.remove("credential", id)


async def get_all_templates(call: Call) -> list[Record]:
    return node_catalogue.templates()


def _node(name: str) -> Record:
    for node in node_catalogue.nodes():
        if node["name"] == name:
            return node
    raise NotFound("Node", name)
