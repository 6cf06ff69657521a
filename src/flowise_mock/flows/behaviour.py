"""How flows run in a version of Flowise: the switches of the contract's `x-flow-behaviour`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RetrievalStart(StrEnum):
    """The data of a retrieval chain's `start` event."""

    FIRST_TOKEN = "first-token"  # noqa: S105 - no password
    EMPTY = "empty"


class ModelMetadata(StrEnum):
    """What an LLM node reports: counts of tokens only, the model's metadata too, or costs and details too."""

    FULL = "full"
    RESPONSE = "response"
    COUNTS = "counts"


class AbortedState(StrEnum):
    """The state of an execution that was aborted."""

    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


class Forms(StrEnum):
    """Which values of `form` count as a form: objects, or anything."""

    OBJECTS = "objects"
    ANY = "any"


class ChatIds(StrEnum):
    """Which types the ids of chats and sessions may have."""

    STRINGS = "strings"
    ANY = "any"


class DocumentMetadata(StrEnum):
    """Whether the metadata of a document has the id of its loader."""

    WITH_LOADER = "with-loader"
    PLAIN = "plain"


class HumanInput(StrEnum):
    """Whether a decision and its request are also in the answer, or in the output of the node only."""

    REPEATED = "repeated"
    ONCE = "once"


class FunctionResults(StrEnum):
    """Whether the objects and lists that a function returns are the answer, or their JSON as text."""

    VALUES = "values"
    TEXTS = "texts"


class LoopEnd(StrEnum):
    """Whether a loop that went back often enough ends with a message."""

    MESSAGE = "message"
    SILENT = "silent"


class UnreadFiles(StrEnum):
    """Whether a chat keeps an attached file that cannot be read."""

    REMOVED = "removed"
    KEPT = "kept"


class Agentflows(StrEnum):
    """Whether flows of the type AGENTFLOW run as agentflows, or are chatflows like any other."""

    RUN = "run"
    UNKNOWN = "unknown"


class ToolStreams(StrEnum):
    """What a stream shows if another flow calls this one as its tool: all events, or only the last ones."""

    FULL = "full"
    QUIET = "quiet"


@dataclass(frozen=True)
class FlowBehaviour:
    """One value for each switch; the defaults are those of the newest version."""

    retrieval_start: RetrievalStart = RetrievalStart.FIRST_TOKEN
    model_metadata: ModelMetadata = ModelMetadata.FULL
    aborted_state: AbortedState = AbortedState.ERROR
    forms: Forms = Forms.OBJECTS
    chat_ids: ChatIds = ChatIds.STRINGS
    document_metadata: DocumentMetadata = DocumentMetadata.WITH_LOADER
    human_input: HumanInput = HumanInput.REPEATED
    tool_streams: ToolStreams = ToolStreams.FULL
    function_results: FunctionResults = FunctionResults.VALUES
    loop_end: LoopEnd = LoopEnd.MESSAGE
    unread_files: UnreadFiles = UnreadFiles.REMOVED
    agentflows: Agentflows = Agentflows.RUN


_SWITCHES: dict[str, type[StrEnum]] = {
    "retrieval-start": RetrievalStart,
    "model-metadata": ModelMetadata,
    "aborted-state": AbortedState,
    "forms": Forms,
    "chat-ids": ChatIds,
    "document-metadata": DocumentMetadata,
    "human-input": HumanInput,
    "tool-streams": ToolStreams,
    "function-results": FunctionResults,
    "loop-end": LoopEnd,
    "unread-files": UnreadFiles,
    "agentflows": Agentflows,
}


def flow_behaviour(document: Mapping[str, Any]) -> FlowBehaviour:
    """The behaviour that a contract describes."""
    given = document.get("x-flow-behaviour", {})
    values: dict[str, Any] = {
        name.replace("-", "_"): switch(given[name]) for name, switch in _SWITCHES.items() if name in given
    }
    return FlowBehaviour(**values)
