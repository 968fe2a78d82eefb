"""Discovery: what services there are (CDS Hooks, Discovery)."""

from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service; `prefetch` keeps its order, since later templates may use earlier keys."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: tuple[tuple[str, str], ...]
    usage_requirements: str
    extension: JsonObject

    def to_json(self) -> JsonObject:
        shown: JsonObject = {
            "hook": self.hook,
            "title": self.title,
            "description": self.description,
            "id": self.id,
            "prefetch": dict(self.prefetch),
            "usageRequirements": self.usage_requirements,
            "extension": self.extension,
        }
        return {name: value for name, value in shown.items() if value}
