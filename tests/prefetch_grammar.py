"""The grammar of prefetch templates: CDS Hooks 2.0's tokens, 3.0's with FHIRPath, and queries.

Read from the specification (CDS Hooks, Prefetch tokens; Prefetch query restrictions), not from the
code that writes templates.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.resource import Resource

USER = {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
# The fields of each hook's context, and those of them that hold one string (the hooks' own pages).
_CALLED = {"userId", "patientId", "encounterId"}
FIELDS: Mapping[str, set[str]] = {
    "order-sign": {*_CALLED, "draftOrders"},
    "order-select": {*_CALLED, "selections", "draftOrders"},
    "order-dispatch": {"patientId", "dispatchedOrders", "performer", "fulfillmentTasks"},
    "appointment-book": {*_CALLED, "appointments"},
    "encounter-start": _CALLED,
    "encounter-discharge": _CALLED,
}
STRINGS = {*_CALLED, "performer"}
ALTERNATE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_PLAIN_TOKEN = re.compile(r"context\.([A-Za-z]+)")
_PATH = re.compile(
    r"(?P<root>context\.(?P<field>[A-Za-z]+)|%(?P<key>[A-Za-z][\w-]*))"
    r"(?P<steps>(\.(?!\d)\w+(\([^()]*\))?)*)"
)
_STEP = re.compile(r"\.(\w+)(?:\(([^()]*)\))?(?![\w(])")
_DAY = re.compile(r"today\(\)( [+-] \d+ days)?")
_READ = re.compile(r"([A-Za-z]+)/(\{\{[^{}]+\}\}|[A-Za-z0-9.-]+)")
# Search parameters of the subset: references, tokens that are equal, dates, and how many.
_REFERENCES, _TOKENS = {"patient", "subject"}, {"_id", "status", "code", "category"}
_COUNTS = {"_count", "_sort"}  # 3.0 has _maxresults besides, 2.0 has not


@dataclass(frozen=True, slots=True)
class Template:
    """One template of a hook's service."""

    hook: str
    key: str
    query: str

    @property
    def tokens(self) -> list[str]:
        """What stands between its double braces."""
        return _TOKEN.findall(self.query)

    @property
    def paths(self) -> list[str]:
        """The paths in its tokens, one in each: neither version joins several."""
        return self.tokens

    @property
    def reads(self) -> set[str]:
        """The keys that its tokens read."""
        return {key for key in re.findall(r"%([\w-]+)", " ".join(self.tokens)) if key}

    @property
    def kind(self) -> str:
        """The type of resource that it asks for."""
        return re.split(r"[/?]", self.query)[0]


def is_resource_type(name: str) -> bool:
    """Whether FHIR has resources of this type."""
    try:
        return issubclass(get_fhir_model_class(name), Resource)
    except ValueError:
        return False


def has_stray_braces(template: Template) -> bool:
    """Whether a brace is left where the tokens are taken out, or there is no token."""
    return not template.tokens or bool(set(_TOKEN.sub("", template.query)) & set("{}%"))


def is_of_2_0(path: str, hook: str) -> bool:
    """Whether CDS Hooks 2.0 has this token: a field of the context that is a string, or a user."""
    plain = _PLAIN_TOKEN.fullmatch(path)
    return path in USER or bool(plain and plain[1] in FIELDS[hook] & STRINGS)


def path_problems(path: str, hook: str) -> Iterator[str]:
    """What 3.0 has no room for in a path: its root, its functions, their arguments."""
    if is_of_2_0(path, hook) or _DAY.fullmatch(path):
        return
    parts = _PATH.fullmatch(path)
    if parts is None:
        yield f"`{path}` is no path"
        return
    if parts["field"] and parts["field"] not in FIELDS[hook]:
        yield f"{hook} has no `{parts['root']}`"
    for name, argument in _STEP.findall(parts["steps"]):
        yield from _step_problems(name, argument, is_call=f".{name}(" in parts["steps"])


def _step_problems(name: str, argument: str, *, is_call: bool) -> Iterator[str]:
    if name == "ofType":
        if not is_resource_type(argument):
            yield f"`{argument}` is no type of resource"
    elif name == "extension":  # the guide's own expressions only
        if argument != f"'{ALTERNATE}'":
            yield f"the extension {argument}"
    elif is_call and (name != "resolve" or argument):
        yield f"the function {name}({argument})"


def query_problems(query: str) -> Iterator[str]:
    """What the recommended subset of queries has no room for."""
    kind, mark, search = query.partition("?")
    if mark:
        if not is_resource_type(kind):
            yield f"a search of `{kind}`"
        for pair in _TOKEN.sub("TOKEN", search).split("&"):
            yield from _parameter_problems(*pair.partition("=")[::2])
    elif not (read := _READ.fullmatch(query)) or not is_resource_type(read[1]):
        yield f"`{query}` is neither a read nor a search"


def _parameter_problems(name: str, value: str) -> Iterator[str]:
    if not value:
        yield f"`{name}` without a value"
    if name in _COUNTS or name == "date":
        if name == "date" and not re.match(r"(eq|lt|gt|ge|le)?(\d|TOKEN)", value):
            yield f"`{name}={value}`"
    elif name.removesuffix(":in") not in _TOKENS | _REFERENCES:
        yield f"the parameter `{name}`"
