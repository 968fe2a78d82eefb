"""The models of fhir.resources, imported when the first artifact has to be proved.

Importing them takes longer than to read the whole built-in library, and what is sealed needs none.
"""

import re
from importlib.metadata import distribution
from typing import Any

# What the models of R4 are made of, and what makes them refuse.
_MADE_OF = ("fhir.resources", "fhir-core", "pydantic")
_VERSION = re.compile(r"^Version: ([0-9]+\.[0-9]+)", re.MULTILINE)


def find_model(name: str) -> Any:
    """The model of the FHIR type with this name: a class of pydantic's.

    Raises:
        ValueError: there is none.
    """
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415  # see above

    return get_fhir_model_class(name)


def models_version() -> str:
    """The versions of what the models are made of, as far as another may judge otherwise.

    That is their first two numbers: `fhir.resources 8.3, fhir-core 1.1, pydantic 2.14`.
    """
    return ", ".join(f"{name} {_two_numbers(name)}" for name in _MADE_OF)


def _two_numbers(name: str) -> str:
    # `distribution(name).version` has all of the metadata parsed as a mail, which takes longer.
    found = _VERSION.search(distribution(name).read_text("METADATA") or "")
    return found[1] if found else "unknown"
