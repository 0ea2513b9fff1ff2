"""The three tools of the support agent, and their JSON schemas for the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.demo.knowledge import Retriever

if TYPE_CHECKING:
    from collections.abc import Callable

ORDERS: Final = {"A-1041": "shipped", "A-1042": "packed", "A-1043": "delivered", "A-1044": "returned"}
_help_centre = Retriever()


def order_status(order_id: str) -> str:
    """Where an order is. LookupError when there is no such order."""
    return f"{order_id} is {ORDERS[order_id]}"


def refund(order_id: str, reason: str) -> str:
    """Start a refund. PermissionError when the order has not come back yet."""
    if ORDERS[order_id] not in ("delivered", "returned"):
        raise PermissionError(f"{order_id} cannot be refunded before it is delivered")
    return f"refund of {order_id} started, reason: {reason}"


def search_docs(query: str) -> str:
    """Titles and texts of the help-centre articles that fit."""
    return "\n".join(f"{document.title}: {document.text}" for document, _ in _help_centre.search(query))


TOOLS: Final[dict[str, Callable[..., str]]] = {
    "order_status": order_status,
    "refund": refund,
    "search_docs": search_docs,
}

_ORDER_ID: Final = {
    "type": "string",
    "description": "as printed on the invoice",
    "examples": [*ORDERS, "A-9999"],
}


def _schema(name: str, description: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


SCHEMAS: Final = [
    _schema("order_status", "Look up where an order is.", order_id=_ORDER_ID),
    _schema(
        "refund",
        "Start the refund of an order.",
        order_id=_ORDER_ID,
        reason={"type": "string", "enum": ["damaged", "late", "not as described", "other"]},
    ),
    _schema(
        "search_docs",
        "Search the help centre.",
        query={"type": "string", "examples": ["refund time", "return an item", "delivery address", "xyzzy"]},
    ),
]


def call(name: str, arguments: str) -> str:
    """Run a tool with the JSON arguments that the model wrote; whatever the tool raises is raised."""
    return TOOLS[name](**json.loads(arguments))
