"""Server: its version, settings and API keys. The constant answers are in the contract."""

from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import Ok, Unauthorized
from flowise_mock.state.table import Record


async def get_version(call: Call) -> Ok:
    return Ok()


async def get_settings(call: Call) -> Ok:
    return Ok()


async def verify_api_key(call: Call, apikey: str) -> Ok:
    if call.store.key_named(apikey) is None:
        raise Unauthorized("the API key is not known")
    return Ok()


async def get_all_api_keys(call: Call) -> list[Record]:
    return [
        {
            **key,
            "chatFlows": [_bound_flow(flow) for flow in call.store.select("chatflow", apikeyid=key["id"])],
        }
        for key in call.store.select("apikey")
    ]


def _bound_flow(flow: Record) -> Record:
    return {
        "flowName": flow.get("name"),
        "category": flow.get("category"),
        "updatedDate": flow.get("updatedDate"),
    }
