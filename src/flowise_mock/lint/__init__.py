"""The linter of OpenAPI documents. Exports what the rules of a project need."""

from flowise_mock.lint.findings import Edit, Problem
from flowise_mock.lint.rules import Rule
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec

__all__ = ["Edit", "Operation", "Problem", "Rule", "Spec", "Spot"]
