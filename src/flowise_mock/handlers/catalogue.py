"""Catalogue: a small selection of nodes, the credentials, and the templates."""

from flowise_mock.flows.call import Call
from flowise_mock.handlers.credentials import columns
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


async def get_all_credentials(call: Call, credential_name: str | None = None) -> list[Record]:
    """All credentials, or those of some types. Only the latter have their encrypted data, if it is shown."""
    found = call.store.select("credential")
    if not credential_name:
        return [{**each, "encryptedData": None} for each in found]
    names = credential_name.split(",")
    return [each for each in found if each.get("credentialName") in names]


async def create_credential(call: Call, body: Record) -> Record:
    return call.store.create("credential", columns(body))


async def delete_credential(call: Call, id: str) -> Deletion:
    return call.store.remove("credential", id)


async def get_all_templates(call: Call) -> list[Record]:
    return node_catalogue.templates()


def _node(name: str) -> Record:
    for node in node_catalogue.nodes():
        if node["name"] == name:
            return node
    raise NotFound("Node", name)
