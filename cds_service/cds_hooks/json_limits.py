"""How deep a request's JSON may nest, and how many resources it may hold (reliability: F6)."""

from dataclasses import dataclass

from cds_service.errors import TooLarge
from cds_service.fhir.resource import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """The most objects and lists inside one another, and the most resources, of one request.

    A plain value has the depth 0, an empty object 1.
    """

    max_depth: int = 100
    max_entries: int = 5_000

    def check(self, value: Json) -> None:
        """Pass a request that stays within the limits, level by level, without recursion.

        Raises:
            TooLarge: it does not; says which limit.
        """
        level, resources = [value], 0
        for _ in range(self.max_depth):
            inner: list[Json] = []
            for node in level:
                if type(node) is dict:
                    resources += "resourceType" in node
                    inner += node.values()
                elif type(node) is list:
                    inner += node
            if resources > self.max_entries:
                raise TooLarge(f"too many resources: at most {self.max_entries:,} are read", "$")
            if not inner:
                return
            level = inner
        if any(type(node) is dict or type(node) is list for node in level):
            raise TooLarge(f"nested too deep: at most {self.max_depth} levels are read", "$")
