"""Whether a scripted answer fits the contract, both as it is sent and as the message that is stored."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.contract.document import Document, operations, resolve
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.views import compile_view
from flowise_mock.scripts.reading import Steps
from flowise_mock.state.table import Record

_SENT = ("text", "json", "sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning",
         "flowVariables", "action", "agentFlowExecutedData")  # fmt: skip
_STORED = ("sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning", "action")


class Violation(NamedTuple):
    """The part of an answer that the contract refuses: the steps to it within the answer, and why."""

    steps: Steps
    reason: str


class ContractCheck:
    """Checks answers against a contract, and holds its operations.

    Texts are checked before their templates are rendered: rendering a text always gives a text.
    """

    def __init__(self, contract: Document) -> None:
        self.operations = {each.id: each.definition for each in operations(contract)}
        schemas = Schemas(contract)
        success = resolve(contract, self.operations["createPrediction"]["responses"]["200"])
        sent = success["content"]["application/json"]["schema"]
        stored = contract["components"]["schemas"]["ChatMessage"]
        self._checks = [
            (names, compile_view(contract, schema), schemas.compile(schema))
            for names, schema in ((_SENT, sent), (_STORED, stored))
        ]

    def problem(self, answer: Record) -> Violation | None:
        """The first part of an answer that the contract refuses, or None."""
        for names, view, validator in self._checks:
            viewed = view({name: answer[name] for name in names if name in answer})
            found = validator.problem(_without_nulls(viewed))
            if found is not None:
                return Violation(_steps(answer, found.path), f"the contract refuses it: {found.reason}")
        return None


def _without_nulls(viewed: Any) -> Any:
    return {name: value for name, value in viewed.items() if value is not None}


def _steps(answer: Record, path: str) -> Steps:
    """A path of a validator as steps into the answer, as far as the answer has them."""
    node: Any = answer
    steps: list[str | int] = []
    for part in path.split("/"):
        step: str | int = int(part) if isinstance(node, list) and part.isdecimal() else part
        has_key = isinstance(node, dict) and step in node
        if not has_key and not (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            break
        node = node[step]
        steps.append(step)
    return tuple(steps)
