"""Templates: the custom templates that a workspace keeps of its flows and tools."""

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import Deletion, EmptyField
from flowise_mock.state.table import Record

TABLE = "customtemplate"
_COLUMNS = ("name", "description", "badge", "usecases", "type")


async def get_all_custom_templates(call: Call) -> list[Record]:
    return [_shown(row) for row in call.store.select(TABLE)]


async def save_custom_template(call: Call, body: Record) -> Record:
    if not body.get("chatflowId") and not body.get("tool"):
        call.report(EmptyField("body"))
    row: Record = {name: body[name] for name in _COLUMNS if name in body}
    if row.get("usecases"):
        row["usecases"] = jsontext.dumps(row["usecases"])
    return call.store.create(TABLE, {**row, "framework": "", **_content(call, body)})


async def delete_custom_template(call: Call, id: str) -> Deletion:
    return call.store.remove(TABLE, id)


def _content(call: Call, body: Record) -> Record:
    """What a template holds: the graph of a flow, or the parts of a tool."""
    if body.get("chatflowId"):
        return {"flowData": call.store.find("chatflow", str(body["chatflowId"])).get("flowData")}
    tool = jsontext.mapping(body.get("tool"))
    parts = {name: tool[name] for name in ("iconSrc", "schema", "func") if name in tool}
    return {"type": "Tool", "flowData": jsontext.dumps(parts)}


def _shown(row: Record) -> Record:
    """A template as lists show it: with the categories of its nodes, or with the parts of its tool."""
    usecases = jsontext.sequence(row.get("usecases"))
    plain = row.get("usecases") if usecases else _unquoted(row.get("usecases"))
    shown = {**row, "usecases": plain, "badge": row.get("badge") or ""}
    if row.get("type") == "Tool":
        del shown["flowData"]
        return {**shown, **jsontext.mapping(row.get("flowData")), "categories": []}
    categories = dict.fromkeys(node.category for node in flow_data.nodes(row))
    return {**shown, "categories": list(categories)}


def _unquoted(value: object) -> object:
    """A text that is kept as JSON."""
    found = jsontext.sequence(f"[{value}]") if isinstance(value, str) and value else []
    return found[0] if found else value
