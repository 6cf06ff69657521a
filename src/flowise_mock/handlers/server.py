"""Server: its version, settings and API keys. The constant answers are in the contract."""

from flowise_mock.flows.call import Call
from flowise_mock.handlers import keys
from flowise_mock.state.outcomes import Ok, Page, Unauthorized
from flowise_mock.state.table import Record


async def get_version(call: Call) -> Ok:
    return Ok()


async def get_settings(call: Call) -> Ok:
    return Ok()


async def verify_api_key(call: Call, apikey: str) -> Ok:
    if call.store.key_named(apikey) is None:
        raise Unauthorized("the API key is not known")
    return Ok()


async def get_all_api_keys(
    call: Call, page: str | None = None, limit: str | None = None
) -> list[Record] | Page:
    return keys.show_page(call, page, limit)
