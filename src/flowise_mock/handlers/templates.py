"""Templates: the custom templates that a workspace keeps of its flows and tools."""

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows import flow_data
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import text
from flowise_mock.state.outcomes import Deletion, EmptyField, InvalidJson
from flowise_mock.state.table import Record

TABLE = "customtemplate"
_COLUMNS = ("name", "description", "badge", "framework", "usecases", "type")


async def get_all_custom_templates(call: Call) -> list[Record]:
    return [_shown(call, row) for row in call.store.select(TABLE)]


async def save_custom_template(call: Call, body: Record) -> Record:
    if not body.get("name"):
        call.report(EmptyField("body"))
    given: Record = {**body, "framework": ""}
    if given.get("usecases"):
        given["usecases"] = jsontext.dumps(given["usecases"])
    columns = {name: given[name] for name in _COLUMNS if name in given} | _content(call, body)
    row = call.store.create(TABLE, columns)
    first = [name for name in _COLUMNS if name in columns]
    return {name: row[name] for name in (*first, "workspaceId", "flowData")} | row


async def delete_custom_template(call: Call, id: str) -> Deletion:
    return call.store.remove(TABLE, id)


def _content(call: Call, body: Record) -> Record:
    """What a template holds: the graph of a flow, or the parts of a tool; else nothing."""
    if body.get("chatflowId"):
        call.check_uuid("Chatflow", str(body["chatflowId"]))
        return {"flowData": call.store.find("chatflow", str(body["chatflowId"])).get("flowData")}
    if body.get("tool") in (None, "", 0, False):  # what JavaScript takes for false
        return {"flowData": ""}
    tool = jsontext.mapping(body["tool"])
    parts = {name: tool[name] for name in ("iconSrc", "schema", "func") if name in tool}
    return {"type": "Tool", "flowData": jsontext.dumps(parts)}


def _shown(call: Call, row: Record) -> Record:
    """A template as lists show it: with the categories of its nodes, or with the parts of its tool."""
    found = v8.complaint(text(row.get("flowData")))
    if found is not None:
        call.report(InvalidJson(*found))
    usecases = jsontext.loads(row["usecases"]) if row.get("usecases") else ""
    shown = {**row, "usecases": usecases, "badge": row.get("badge") or ""}
    if row.get("type") == "Tool":
        del shown["flowData"]
        return {**shown, **jsontext.mapping(row.get("flowData")), "categories": []}
    categories = dict.fromkeys(node.category for node in flow_data.nodes(row))
    return {**shown, "categories": list(categories)}
