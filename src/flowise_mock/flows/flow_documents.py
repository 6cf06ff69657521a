"""The documents of a chatflow: those of its loaders, split by the splitters that are joined to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.flow_data import Node
from flowise_mock.knowledge.chunking import BAD_SIZES, chunks_of
from flowise_mock.knowledge.documents import Document
from flowise_mock.knowledge.file_inputs import sent_files
from flowise_mock.knowledge.files import Upload
from flowise_mock.state.outcomes import InvalidSplitter, Outcome, Report, UnreadableFile
from flowise_mock.state.table import Record

_REFERENCE = re.compile(r"\{\{([^.}]+)")


def documents(
    report: Report, flow: Record, override: Record, files: Sequence[Upload] = ()
) -> Iterator[Document | None]:
    """The documents of all loaders that have a text.

    `override` has the values of a request for those inputs that allow it. What is None is a place for a
    pause.
    """
    nodes = flow_data.nodes(flow)
    for node in nodes:
        if node.category == "Document Loaders":
            found = _documents(report, _loader(flow, node, nodes, override), list(files))
            yield from (each for each in found if each is None or each.text)


def _documents(report: Report, loader: Record, files: list[Upload]) -> Iterator[Document | None]:
    def reported(found: Outcome) -> None:
        """A flow may have nodes and inputs that are not known here; what is known to fail is reported."""
        if isinstance(found, UnreadableFile):
            report(found)
        elif isinstance(found, InvalidSplitter) and found.reason in BAD_SIZES:
            report(InvalidSplitter(f"{BAD_SIZES[found.reason]}: {found.reason}"))

    return chunks_of(reported, loader, files or sent_files(loader["loaderId"], loader["loaderConfig"]))


def _loader(flow: Record, node: Node, nodes: Sequence[Node], override: Record) -> Record:
    """A loader node as the loader of a document store is kept."""
    splitter = _joined(node.inputs.get("textSplitter"), nodes)
    return {
        "loaderId": node.name,
        "loaderConfig": _inputs(flow, node, override),
        "splitterId": splitter.name if splitter else "",
        "splitterConfig": (_inputs(flow, splitter, override) | {"": ""}) if splitter else {},
    }


def _inputs(flow: Record, node: Node, override: Record) -> Record:
    """The inputs of a node, without references to other nodes, as a request may override them."""
    own = {name: value for name, value in node.inputs.items() if not str(value).startswith("{{")}
    return own | {name: override[name] for name in override if may_override(flow, node, name)}


def may_override(flow: Record, node: Node, name: str) -> bool:
    """Whether a flow lets requests override this input of a node."""
    settings = jsontext.mapping(flow_data.config(flow, "apiConfig").get("overrideConfig"))
    allowed = jsontext.sequence(jsontext.mapping(settings.get("nodes")).get(node.label))
    names = [each.get("name") for each in allowed if isinstance(each, dict) and each.get("enabled")]
    return bool(settings.get("status")) and name in names


def _joined(value: object, nodes: Sequence[Node]) -> Node | None:
    """The node that an input refers to, such as `{{plainText_0.data.instance}}`."""
    found = _REFERENCE.match(str(value or ""))
    return next((node for node in nodes if found and node.id == found[1]), None)
