"""The nodes of flows: a small selection of Flowise's, enough to show a flow.

Names, categories and base classes are those of Flowise, because clients use them. The descriptions are our
own.
"""

from __future__ import annotations

import re

from flowise_mock.contract import jsontext
from flowise_mock.state.table import Record

_ROWS = (
    # label, name, version, type, category, base classes, description
    ("ChatOpenAI", "chatOpenAI", 8.3, "ChatOpenAI", "Chat Models", "ChatOpenAI BaseChatModel", "A chat model of OpenAI"),
    ("ChatAnthropic", "chatAnthropic", 8, "ChatAnthropic", "Chat Models", "ChatAnthropic BaseChatModel", "A chat model of Anthropic"),
    ("Buffer Memory", "bufferMemory", 2, "BufferMemory", "Memory", "BufferMemory BaseMemory", "Remembers the whole conversation"),
    ("Conversation Chain", "conversationChain", 3, "ConversationChain", "Chains", "ConversationChain BaseChain", "Talks, with a memory"),
    ("LLM Chain", "llmChain", 3, "LLMChain", "Chains", "LLMChain BaseChain", "Fills a prompt and asks a model"),
    ("Conversational Retrieval QA Chain", "conversationalRetrievalQAChain", 3, "ConversationalRetrievalQAChain", "Chains", "ConversationalRetrievalQAChain BaseChain", "Answers from documents"),
    ("Document Store (Vector)", "documentStoreVS", 1, "DocumentStoreVS", "Vector Stores", "DocumentStoreVS BaseRetriever", "Finds chunks of a document store"),
    ("In-Memory Vector Store", "memoryVectorStore", 1, "Memory", "Vector Stores", "Memory VectorStoreRetriever", "Keeps vectors until the server ends"),
    ("OpenAI Embeddings", "openAIEmbeddings", 4, "OpenAIEmbeddings", "Embeddings", "OpenAIEmbeddings Embeddings", "Makes vectors of texts"),
    ("Plain Text", "plainText", 2, "Document", "Document Loaders", "Document", "Loads a text as it is"),
    ("Recursive Character Text Splitter", "recursiveCharacterTextSplitter", 2, "RecursiveCharacterTextSplitter", "Text Splitters", "RecursiveCharacterTextSplitter TextSplitter", "Cuts texts at paragraphs, lines and words"),
    ("Calculator", "calculator", 1, "Calculator", "Tools", "Calculator Tool", "Does sums"),
    ("Custom Tool", "customTool", 3, "CustomTool", "Tools", "CustomTool Tool", "Calls a tool of this server"),
    ("Tool Agent", "toolAgent", 2, "AgentExecutor", "Agents", "AgentExecutor BaseChain", "Answers with the help of tools"),
    ("Start", "startAgentflow", 1.4, "Start", "Agent Flows", "Start", "Where an agentflow begins"),
    ("Condition", "conditionAgentflow", 1, "Condition", "Agent Flows", "Condition", "Goes one way or another"),
    ("Human Input", "humanInputAgentflow", 1, "HumanInput", "Agent Flows", "HumanInput", "Waits for a decision"),
    ("LLM", "llmAgentflow", 1.1, "LLM", "Agent Flows", "LLM", "Asks a model"),
    ("Direct Reply", "directReplyAgentflow", 1, "DirectReply", "Agent Flows", "DirectReply", "Answers a text"),
)  # fmt: skip


LOADERS = {
    "apiLoader": "API Loader", "airtable": "Airtable", "apifyWebsiteContentCrawler": "Apify Website Content Crawler",
    "braveSearchApiLoader": "BraveSearch API Document Loader", "cheerioWebScraper": "Cheerio Web Scraper",
    "confluence": "Confluence", "csvFile": "Csv File", "customDocumentLoader": "Custom Document Loader",
    "documentStore": "Document Store", "docxFile": "Docx File", "epubFile": "Epub File", "figma": "Figma",
    "fileLoader": "File Loader", "fireCrawl": "FireCrawl", "folderFiles": "Folder with Files", "gitbook": "GitBook",
    "github": "Github", "googleDrive": "Google Drive", "googleSheets": "Google Sheets", "jira": "Jira",
    "jsonFile": "Json File", "jsonlinesFile": "Json Lines File", "microsoftExcel": "Microsoft Excel",
    "microsoftPowerpoint": "Microsoft PowerPoint", "microsoftWord": "Microsoft Word", "notionDB": "Notion Database",
    "notionFolder": "Notion Folder", "notionPage": "Notion Page", "oxylabs": "Oxylabs", "pdfFile": "Pdf File",
    "plainText": "Plain Text", "playwrightWebScraper": "Playwright Web Scraper", "S3": "S3",
    "puppeteerWebScraper": "Puppeteer Web Scraper", "s3Directory": "S3 Directory",
    "searchApi": "SearchApi For Web Search", "serpApi": "SerpApi For Web Search",
    "spiderDocumentLoaders": "Spider Document Loaders", "textFile": "Text File",
    "unstructuredFileLoader": "Unstructured File Loader", "vectorStoreToDocument": "VectorStore To Document",
}  # fmt: skip
"""Flowise's document loaders by name; a store accepts no other."""


SPLITTERS = frozenset(
    [
        "characterTextSplitter",
        "codeTextSplitter",
        "htmlToMarkdownTextSplitter",
        "markdownTextSplitter",
        "recursiveCharacterTextSplitter",
        "tokenTextSplitter",
    ]
)
COMPONENTS = {
    "embedding": frozenset(
        [
            "AWSBedrockEmbeddings",
            "azureOpenAIEmbeddings",
            "azureOpenAIEmbeddingsLlamaIndex",
            "baiduQianfanEmbeddings",
            "cohereEmbeddings",
            "googleGenerativeAiEmbeddings",
            "googlevertexaiEmbeddings",
            "huggingFaceInferenceEmbeddings",
            "ibmEmbedding",
            "jinaEmbeddings",
            "localAIEmbeddings",
            "mistralAIEmbeddings",
            "ollamaEmbedding",
            "openAIEmbedding_LlamaIndex",
            "openAIEmbeddings",
            "openAIEmbeddingsCustom",
            "togetherAIEmbedding",
            "voyageAIEmbeddings",
        ]
    ),
    "vectorStore": frozenset(
        [
            "Astra",
            "chroma",
            "couchbase",
            "documentStoreVS",
            "elasticsearch",
            "faiss",
            "kendra",
            "meilisearch",
            "memoryVectorStore",
            "milvus",
            "mongoDBAtlas",
            "openSearch",
            "pinecone",
            "pineconeLlamaIndex",
            "postgres",
            "qdrant",
            "redis",
            "simpleStoreLlamaIndex",
            "singlestore",
            "supabase",
            "upstash",
            "vectara",
            "vectaraUpload",
            "weaviate",
            "zep",
            "zepCloud",
        ]
    ),
    "recordManager": frozenset(("MySQLRecordManager", "SQLiteRecordManager", "postgresRecordManager")),
}
"""Flowise's splitters, and its nodes for each part of a store, by name."""


def label(name: str) -> str:
    """The label of a node or of a setting: `chunkSize` is `Chunk Size`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return LOADERS.get(name) or words[:1].upper() + words[1:]


def nodes() -> list[Record]:
    """The nodes, as GET /nodes lists them."""
    return [
        {
            "label": label,
            "name": name,
            "version": version,
            "type": type_,
            "icon": f"/api/v1/node-icon/{name}",
            "category": category,
            "description": description,
            "baseClasses": classes.split(),
            "inputs": [],
        }
        for label, name, version, type_, category, classes, description in _ROWS
    ]


def icon(node: Record) -> str:
    """The icon of a node: the first letters of its label, as SVG."""
    letters = "".join(word[0] for word in node["label"].split() if word[0].isalnum())[:2]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">'
        '<rect width="32" height="32" rx="6" fill="#2e86ab"/>'
        '<text x="16" y="21" font-family="sans-serif" font-size="14" fill="#fff" text-anchor="middle">'
        f"{letters}</text></svg>"
    )


def templates() -> list[Record]:
    """The templates of flows, as GET /marketplaces/templates lists them."""
    start = {
        "id": "startAgentflow_0",
        "name": "startAgentflow",
        "label": "Start",
        "inputs": {"startInputType": "chatInput"},
    }
    reply = {"id": "directReplyAgentflow_0", "name": "directReplyAgentflow", "label": "Direct Reply", "inputs": {"directReplyMessage": "<p>You said: {{ question }}</p>"}}  # fmt: skip
    graph = {
        "nodes": [{"id": data["id"], "type": "agentFlow", "data": data} for data in (start, reply)],
        "edges": [{"source": start["id"], "target": reply["id"], "sourceHandle": "startAgentflow_0-output-startAgentflow"}],
    }  # fmt: skip
    return [
        {
            "id": "parrot",
            "templateName": "Parrot",
            "flowData": jsontext.dumps(graph),
            "usecases": ["Basic"],
            "categories": ["Agentflow"],
            "type": "AgentflowV2",
            "description": "Repeats the question",
        }
    ]


def summary(label_: str, name: str, category: str, id: str, inputs: Record) -> Record:
    """A node as the history of upserts shows it, with the values of its inputs."""
    values = [
        {"label": label(key), "name": key, "type": _type(value), "value": value}
        for key, value in inputs.items()
        if value not in ("", None) and not str(value).startswith("{{") and not isinstance(value, list)
    ]
    return {"label": label_, "name": name, "category": category, "id": id, "paramValues": values}


def _type(value: object) -> str:
    return {bool: "boolean", int: "number", float: "number", dict: "json"}.get(type(value), "string")


_METADATA = (
    ("Additional Metadata", "metadata", "json"),
    ("Omit Metadata Keys", "omitMetadataKeys", "string"),
)
_SIZES = (("Chunk Size", "chunkSize", "number"), ("Chunk Overlap", "chunkOverlap", "number"))
_OWN_INPUTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "plainText": (("Text", "text", "string"),),
    "csvFile": (("Csv File", "files", ".csv"), ("Single Column Extraction", "columnName", "string")),
    "textFile": (("Txt File", "files", ".txt"),),
    "pdfFile": (("Pdf File", "files", ".pdf"), ("Usage", "usage", "perPage, perFile")),
    "docxFile": (("DOCX File", "files", ".docx"),),
    "recursiveCharacterTextSplitter": (*_SIZES, ("Custom Separators", "separators", "string")),
    "characterTextSplitter": (*_SIZES, ("Custom Separator", "separator", "string")),
    "tokenTextSplitter": _SIZES,
    "markdownTextSplitter": _SIZES,
}


def overridable(name: str) -> list[Record]:
    """The inputs of a loader or a splitter that a request may override, as far as they are known here."""
    own = _OWN_INPUTS.get(name, ())
    found = (*own, *_METADATA) if name in LOADERS else own
    return [{"label": label, "name": input, "type": type} for label, input, type in found]
