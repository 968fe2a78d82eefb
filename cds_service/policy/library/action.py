"""Actions of a PlanDefinition, and where each stands in its artifact."""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.errors import ArtifactError
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact

_TYPES = "http://terminology.hl7.org/CodeSystem/action-type"


@dataclass(frozen=True, slots=True)
class Action:
    """One action, and its JSON path: `$.action[0].action[2]`."""

    artifact: Artifact
    where: str
    json: JsonObject

    @property
    def inside(self) -> Iterator["Action"]:
        """The actions below it."""
        for number, json in enumerate(objects(self.json.get("action"))):
            yield Action(self.artifact, f"{self.where}.action[{number}]", json)

    @property
    def type(self) -> str:
        """The code of its type in FHIR's system; empty if it has none, or several."""
        codings = objects(first(self.json.get("type")).get("coding"))
        codes = [text(coding.get("code")) for coding in codings if coding.get("system") == _TYPES]
        return codes[0] if len(codes) == 1 else ""

    def check_members(self, *names: str) -> None:
        """Pass if it has no members but these.

        Raises:
            ArtifactError: it has one, which would not be heeded.
        """
        if unheeded := set(self.json) - set(names):
            problem = f"`{min(unheeded)}` would not be heeded here; these are: {', '.join(names)}"
            raise self.broken(f".{min(unheeded)}", problem)

    def broken(self, what: str, problem: object) -> ArtifactError:
        """The error to raise for a fault at the path `what` inside the action."""
        return self.artifact.broken(f"{self.where}{what}", problem)
