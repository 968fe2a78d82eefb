"""Our JSON Schemas for what CDS Hooks clients send, and what a breach of one is called."""

from importlib import resources
from typing import Any

import jsonschema_rs

from cds_service.errors import InvalidRequest
from cds_service.fhir.resource import Json, JsonObject, decode


class Schema:
    """One JSON Schema, compiled; `check` passes or raises.

    jsonschema-rs tells in microseconds that a value follows it, as nearly all do; jsonschema, which
    takes twenty times as long and a tenth of a second to import, says what is wrong with the rest.
    """

    def __init__(self, name: str, what: str, *, context_of: str = "") -> None:
        schema = _read(name)
        if context_of:
            schema["properties"]["hook"] = {"const": context_of}
            schema["properties"]["context"] = _read("hook-contexts")["$defs"][context_of]
        self.schema: Json = schema
        self._fast = jsonschema_rs.Draft202012Validator(schema)
        self._what = what

    def check(self, value: Json) -> JsonObject:
        """The same value, now known to follow the schema.

        Raises:
            InvalidRequest: it does not; says where and why, and never repeats the value.
        """
        if not self._fast.is_valid(value):
            self._raise_fault(value)
        checked: JsonObject = value
        return checked

    def _raise_fault(self, value: Json) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415  # no start waits for it
        from jsonschema.exceptions import best_match  # noqa: PLC0415

        fault: Any = best_match(Draft202012Validator(self.schema).iter_errors(value))
        if fault is not None:  # of the two it is the judge
            where = fault.json_path
            raise InvalidRequest(f"invalid {self._what} at `{where}`: {_problem(fault)}", where)


def _read(name: str) -> Json:
    return decode((resources.files(__package__) / "schemas" / f"{name}.schema.json").read_bytes())


def _problem(fault: Any) -> str:
    """What is wrong, in terms of the schema alone: the value may be a patient's.

    `fault` is a ValidationError of jsonschema's.
    """
    wanted: Any = fault.validator_value
    present: Any = fault.instance
    match fault.validator:
        case "required":
            missing = [f"'{name}' is a required property" for name in wanted if name not in present]
            return ", ".join(missing)
        case "dependentRequired":
            return "'fhirServer' is required where 'fhirAuthorization' is given"
        case "const":
            return f"this service answers {wanted}"
        case "anyOf":
            names = (repr(name) for choice in wanted for name in choice["required"])
            return f"must have {' or '.join(names)}"
        case "pattern":
            form: Any = fault.schema
            return f"must be {form['title']}"  # that of each pattern says what it is for
        case keyword:
            return f"must have {keyword} {wanted}"
