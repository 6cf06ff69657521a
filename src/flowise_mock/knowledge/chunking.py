"""Chunks: the documents of a loader, split as its splitter says, with the metadata of its config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.formats.opened import LoadFailure
from flowise_mock.knowledge import documents, file_inputs, node_catalogue, splitter
from flowise_mock.knowledge.documents import Document
from flowise_mock.knowledge.files import Upload, name_and_size
from flowise_mock.knowledge.json_documents import without_pointers
from flowise_mock.knowledge.slices import Pause, collected
from flowise_mock.state.outcomes import InvalidSplitter, Report, UnreadableFile
from flowise_mock.state.table import Record

NEGATIVE_OVERLAP = "Cannot read properties of undefined (reading 'length')"
LARGE_OVERLAP = "Cannot have chunkOverlap >= chunkSize"
BAD_SIZES = {NEGATIVE_OVERLAP: "TypeError", LARGE_OVERLAP: "Error"}
"""What a splitter says about sizes that it cannot use, and the classes of these errors."""


async def all_chunks(report: Report, loader: Record, files: list[Upload], pause: Pause) -> list[Document]:
    """What `chunks_of` gives, with pauses; large files are read beside the event loop."""
    read = [await documents.loaded(each, loader["loaderConfig"], loader["loaderId"]) for each in files]
    return await collected(chunks_of(report, loader, read), pause)


def chunks_of(report: Report, loader: Record, files: list[Upload]) -> Iterator[Document | None]:
    """The documents of a loader, split as it says. Reports files and settings that a real server refuses.

    What is None is a place for a pause.
    """
    config = loader["loaderConfig"]
    splits = bool(loader["splitterConfig"] and loader["splitterId"])
    size, overlap = _sizes(report, loader) if splits else (0, 0)
    found: Iterable[Document | None] = _documents(report, loader, files)
    _check_metadata(report, config)
    if splits:
        if loader["loaderId"] == "plainText" and config.get("text") is None:
            report(InvalidSplitter("Cannot read properties of undefined (reading 'includes')"))
        found = (chunk for document in found if document for chunk in split(document, size, overlap))
    for each in found:
        yield each and Document(each.text, _with_own_metadata(each.metadata, config, loader["loaderId"]))


def _check_metadata(report: Report, config: Record) -> None:
    """Report metadata of a config that should be JSON and is not."""
    sent = config.get("metadata")
    found = v8.complaint(sent) if sent and isinstance(sent, str) else None
    if found is not None:
        report(UnreadableFile("metadata", "application/json", found.reason, found.place))


def _with_own_metadata(metadata: Record, config: Record, loader: str) -> Record:
    """The metadata of a document, with that of the config and without the keys that it omits."""
    own = jsontext.mapping(config.get("metadata"))
    if loader in ("jsonFile", "jsonlinesFile"):
        own = without_pointers(own)
    omitted = str(config.get("omitMetadataKeys") or "")
    if omitted == "*":
        return own
    kept = metadata | own
    for name in omitted.split(","):
        kept = _without(kept, name.strip().split("."))
    return kept


def _without(metadata: Record, path: list[str]) -> Record:
    """An object without the value at a path."""
    name, *rest = path
    if name not in metadata:
        return metadata
    if rest and isinstance(metadata[name], dict):
        return {**metadata, name: _without(metadata[name], rest)}
    return metadata if rest else {key: value for key, value in metadata.items() if key != name}


def _documents(report: Report, loader: Record, files: list[Upload]) -> Iterable[Document]:
    """The documents of a loader: of its files, its text, or the other texts of its config.

    Nothing is fetched. A loader of web pages has its address as text, which can be searched.
    """
    config, name = loader["loaderConfig"], loader["loaderId"]
    if files and name != "plainText":
        return chain.from_iterable([_read(report, loader, file) for file in files])
    if name not in node_catalogue.LOADERS:
        report(InvalidSplitter("Cannot read properties of undefined (reading 'filePath')"))
    needed = file_inputs.input_of(name)
    if needed is not None:
        if not file_inputs.inputs_of(name, config):
            report(InvalidSplitter("Cannot read properties of undefined (reading 'startsWith')"))
        elif not str(config.get(needed) or "").startswith(file_inputs.STORED):
            return []
    if name == "plainText" or isinstance(config.get("text"), str):
        return [Document(str(config.get("text") or ""), {})]
    texts = "\n".join(value for value in config.values() if isinstance(value, str))
    return [Document(texts, {})] if texts else []


def _read(report: Report, loader: Record, file: Upload) -> Iterable[Document]:
    try:
        return documents.load(file, loader["loaderConfig"], loader["loaderId"])
    except LoadFailure as failure:
        report(UnreadableFile(file.name, file.type, str(failure), failure.place))
        return [Document(name_and_size(file), {"source": "blob", "blobType": ""})]


def _sizes(report: Report, loader: Record) -> tuple[int, int]:
    """The size of chunks and their overlap; a 0 counts as none, so the default is used."""
    if loader["splitterId"] not in node_catalogue.SPLITTERS:
        report(InvalidSplitter("Cannot read properties of undefined (reading 'filePath')"))
    config = loader["splitterConfig"]
    size = positive(config.get("chunkSize"), splitter.CHUNK_SIZE)
    overlap = positive(config.get("chunkOverlap"), splitter.CHUNK_OVERLAP)
    if str(config.get("chunkOverlap", "")).startswith("-"):
        report(InvalidSplitter(NEGATIVE_OVERLAP))
    if overlap >= size:
        report(InvalidSplitter(LARGE_OVERLAP))
        overlap = 0  # what a mock without this condition always did
    return size, overlap


def split(document: Document, size: int, overlap: int) -> Iterator[Document | None]:
    """The chunks of a document, each with the lines that it comes from; None as the splitter gives it."""
    text, found = document.text, jsontext.mapping(document.metadata.get("loc"))
    place = counted = 0
    line = 1
    for chunk in splitter.split(text, size, overlap):
        if chunk is None:
            yield None
            continue
        place = max(text.find(chunk, place), 0)
        line += text.count("\n", counted, place) if place >= counted else -text.count("\n", place, counted)
        counted = place
        loc = {**found, "lines": {"from": line, "to": line + chunk.count("\n")}}
        yield Document(chunk, document.metadata | {"loc": loc})
        place += 1


def positive(value: Any, default: int) -> int:
    """A positive whole number of a config, in which it may be text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if number > 0 else default
