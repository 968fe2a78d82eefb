"""Summary and mandatory elements of each resource type, as FHIR's definitions mark them."""

from functools import cache

from cds_service.fhir.models import find_model


@cache
def summary_elements(kind: str) -> frozenset[str]:
    """The elements of a resource type that its summary has (FHIR R4, ElementDefinition.isSummary).

    The type is one that FHIR defines.
    """
    return _marked(kind, "summary_element_property") | mandatory_elements(kind)


@cache
def mandatory_elements(kind: str) -> frozenset[str]:
    """The elements that a resource of the type must have."""
    model = find_model(kind)
    needed = [
        field.alias or name for name, field in model.model_fields.items() if field.is_required()
    ]
    return _marked(kind, "element_required").union(needed)


def _marked(kind: str, mark: str) -> frozenset[str]:
    names = []
    for name, field in find_model(kind).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(mark):
            names.append(field.alias or name)
    return frozenset(names)
