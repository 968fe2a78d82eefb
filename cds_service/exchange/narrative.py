"""The narrative of a resource that is made here: paragraphs, with every text escaped (dom-6)."""

from html import escape

from cds_service.fhir.resource import JsonObject


def narrative(*paragraphs: str) -> JsonObject:
    """A generated narrative of these paragraphs; those without words are left out."""
    inside = "".join(f"<p>{escape(words)}</p>" for words in paragraphs if words)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>',
    }
