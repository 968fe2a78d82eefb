"""The models of fhir.resources, imported when the first artifact has to be proved.

Importing them takes longer than to read the whole built-in library, and what is sealed needs none.
"""

from typing import Any


def find_model(name: str) -> Any:
    """The model of the FHIR type with this name: a class of pydantic's.

    Raises:
        ValueError: there is none.
    """
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415  # see above

    return get_fhir_model_class(name)
