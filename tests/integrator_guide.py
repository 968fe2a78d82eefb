"""The integrator's guide as its tests read it: its calls, its answers, and its tables.

A block `<!-- call: name -->` is a `curl` command, and `<!-- answer: name -->` after it is what
comes back, cut short where `"…"` stands. `python tests/test_integrator_guide.py` writes the tables.
"""

import json
import re
import shlex
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from author_guide import SERVED_AT
from fakes import builtin_index, fake_pipeline

from cds_service.cds_hooks.feedback import MOST_FEEDBACK
from cds_service.crd.codes import Topic
from cds_service.crd.request.configuration import options
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.limits import (
    MAX_CODINGS,
    MAX_CONTAINED,
    MAX_ORDERS,
    MAX_REFERENCES,
    MAX_WORDS,
)
from cds_service.errors import HookError
from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import decode
from cds_service.settings import Settings

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
GUIDE = EXAMPLES / "README.md"
TEXT = GUIDE.read_text("utf-8") if GUIDE.exists() else ""
CUT = "…"
# What differs from one call to the next: ids, trace ids, digests of sets of policies.
_VARYING = re.compile(
    r"sha256:[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}"
)

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A `curl` command as an HTTP request; `body` is None in a GET."""

    url: str
    body: bytes | None
    headers: Mapping[str, str]

    def send(self, base: str) -> tuple[int, str]:
        """Status and body of the answer of a service that runs at `base`."""
        url = self.url.replace(SERVED_AT, base)
        request = urllib.request.Request(url, data=self.body, headers=dict(self.headers))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


@dataclass(slots=True)
class _Line:
    """What a `curl` command has stated so far."""

    url: str = ""
    data: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    is_get: bool = False


def read_call(command: str) -> Call:
    """The request that a `curl` command makes; it may use `-s -G -H -d --data-urlencode`.

    Raises:
        ValueError: it uses something else.
    """
    line = _Line()
    program, *words = shlex.split(command.replace("\\\n", " "))
    if program != "curl":
        raise ValueError(f"not a call: {command}")
    rest = iter(words)
    for word in rest:
        _read_word(line, word, rest)
    data = "&".join(line.data)
    if line.is_get:
        return Call(url=f"{line.url}?{data}", body=None, headers=line.headers)
    return Call(url=line.url, body=data.encode() if line.data else None, headers=line.headers)


def _read_word(line: _Line, word: str, rest: Iterator[str]) -> None:
    match word:
        case "-s":
            pass
        case "-G":
            line.is_get = True
        case "-H":
            name, _, value = next(rest).partition(": ")
            line.headers[name] = value
        case "-d":
            given = next(rest)
            line.data.append((ROOT / given[1:]).read_text() if given.startswith("@") else given)
        case "--data-urlencode":
            name, _, value = next(rest).partition("=")
            line.data.append(f"{name}={urllib.parse.quote(value)}")
        case _ if word.startswith("http"):
            line.url = word
        case _:
            raise ValueError(f"curl {word} is not translated")


def agrees(answer: Any, shown: Any) -> bool:
    """Whether an answer is what is shown of it.

    Shown objects may leave members out; lists and texts may end in `…`.
    """
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(
            name in answer and agrees(answer[name], value) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(answer, list) and _lists_agree(answer, shown)
    if isinstance(shown, str) and shown.endswith(CUT):
        return isinstance(answer, str) and answer.startswith(shown.removesuffix(CUT))
    return bool(answer == shown)


def _lists_agree(answer: list[Any], shown: list[Any]) -> bool:
    if shown and shown[-1] == CUT:
        shown = shown[:-1]
        answer = answer[: len(shown)]
    return len(answer) == len(shown) and all(map(agrees, answer, shown))


def comparable(text: str, base: str = SERVED_AT) -> Any:
    """The JSON in a text, as if it came from where the guide's service is, without varying ids."""
    return json.loads(_VARYING.sub("an-id", text.replace(base, SERVED_AT)))


# What each folder shows, in words; the table tells the rest from its files.
_SHOWN = {
    "appointment-book-for-an-order": "an appointment for an order: answered on the order",
    "appointment-book-for-an-order-for-crd-2.0": "the same for CRD 2.0: on the appointment",
    "appointment-book-without-order": "an appointment by itself, for what it is for",
    "encounter-discharge-nothing-to-say": "an early hook of which no policy speaks",
    "encounter-start-anthem-02583zf": "an encounter that a policy speaks of, by ICD-10-PCS code",
    "order-dispatch-icare-0600t": "an order sent to a performer; the order came by prefetch",
    "order-dispatch-old-spelling-for-crd-2.0": "the context as CRD 2.0 spells it: `order`",
    "order-select-one-of-two-selected": "two drafts, one selected: only that one is answered",
    "order-sign-anthem-0f5g3zf": "a refusal by ICD-10-PCS code",
    "order-sign-anthem-93799-pulsed-field": "an unlisted code, and words that name the procedure",
    "order-sign-anthem-93799-unspecified": "an unlisted code alone: more detail is asked for",
    "order-sign-anthem-93799-unspecified-for-crd-2.0": "the same in the words of CRD 2.0",
    "order-sign-anthem-california-hmo": "who decides is somebody else: whom to fax",
    "order-sign-coverage-cancelled": "the Coverage is not active",
    "order-sign-every-kind-of-order": "an order of each kind, each returned as it was",
    "order-sign-icare-0600t": "a refusal: the example of this guide",
    "order-sign-icare-0600t-for-crd-2.0": "the same, no version asked: CRD 2.0",
    "order-sign-icare-0600t-for-crd-2.1": "the same for CRD 2.1",
    "order-sign-icare-plan-unknown": "the Coverage does not tell the plan",
    "order-sign-no-coverage": "no Coverage, no version: cards for each payer, no system action",
    "order-sign-no-draft-orders": "not a hook request",
    "order-sign-no-policy-for-the-service": "no policy speaks of the order",
    "order-sign-nothing-new": "the order already has this answer: nothing is said again",
    "order-sign-payer-not-hosted": "the Coverage is another payer's",
    "order-sign-settings-honoured": "`coverage-info` off and `max-cards` 1",
    "order-sign-version-not-spoken": "a version that is not spoken",
    "order-sign-words-only": "words without a code never decide",
}  # fmt: skip


def examples_table() -> str:
    """Every example: what it shows, the version it asks, the status, and what comes back."""
    index = builtin_index()
    rows = []
    for folder in sorted(path.parent for path in EXAMPLES.glob("*/request.json")):
        body = (folder / "request.json").read_bytes()
        request = decode(body)
        try:
            answer = fake_pipeline(index, hook=request["hook"]).respond(body)
            status = 200
        except HookError as error:
            status = error.status
            answer = json.dumps(operation_outcome(code=error.issue_code, diagnostics="")).encode()
        asked = request.get("extension", {}).get("davinci-crd.requestedVersion", "")
        shown = _SHOWN[folder.name]
        link = f"[{folder.name}]({folder.name})"
        rows.append((link, shown, asked, str(status), _comes_back(decode(answer))))
    return _table(("example", "shows", "asks for CRD", "status", "covered; cards"), rows)


def _comes_back(answer: JsonObject) -> str:
    if "cards" not in answer:
        return "OperationOutcome"
    codes = dict.fromkeys(re.findall(r"'covered', 'valueCode': '([\w-]+)'", str(answer)))
    cards = len(answer["cards"])
    words = {0: "no card", 1: "1 card"}.get(cards, f"{cards} cards")
    return "; ".join((*(", ".join(f"`{code}`" for code in codes),) * bool(codes), words))


def hooks_table() -> str:
    """Every service: its id, what it is about, when it speaks, and when its answer is due."""
    heads = ("service id", "hook", "answers", "within")
    return _table(
        heads,
        (
            (
                f"`{hook.service_id}`",
                f"`{hook.name}`",
                "always" if hook.primary else "when a policy speaks",
                f"{hook.seconds:g} s",
            )
            for hook in HOOKS.values()
        ),
    )


def prefetch_table() -> str:
    """Every prefetch template, and the hooks that ask for it."""
    asked: dict[tuple[str, str], list[str]] = {}
    for hook in HOOKS.values():
        for key, template in hook.prefetch:
            asked.setdefault((key, template), []).append(hook.name)
    rows = (
        (f"`{key}`", f"`{template}`", "all" if len(names) == len(HOOKS) else ", ".join(names))
        for (key, template), names in asked.items()
    )
    return _table(("key", "template", "asked for by"), rows)


def switches_table() -> str:
    """Every switch of a configuration, as discovery describes it."""
    rows = (
        (
            f"`{option['code']}`",
            option["type"],
            str(option["default"]).lower(),
            option["description"],
        )
        for option in options(frozenset(Topic))
    )
    return _table(("switch", "type", "default", "what it does"), rows)


def limits_table() -> str:
    """The most that one request may hold."""
    settings = Settings()
    rows = (
        ("orders in a call", MAX_ORDERS),
        ("references to orders in a call", MAX_REFERENCES),
        ("codings of an order, billing options among them", MAX_CODINGS),
        ("texts and displays of codes in a call", MAX_WORDS),
        ("contained resources in a resource", MAX_CONTAINED),
        ("feedback in a request", MOST_FEEDBACK),
        ("bytes of a body, unless the operator has set another limit", settings.max_body),
        ("resources in a body, unless the operator has set another limit", settings.max_entries),
    )
    return _table(("at most; beyond it a 413", ""), ((what, f"{most:,}") for what, most in rows))


def statuses_of_the_code() -> set[int]:
    """The HTTP status of each of our errors."""
    kinds = [HookError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.status for kind in kinds[1:]}


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    written = [tuple(heads), *map(tuple, rows)]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in written]
    return "\n".join([lines[0], "|" + "---|" * len(written[0]), *lines[1:]])


TABLES = {
    "examples": examples_table,
    "hooks": hooks_table,
    "limits": limits_table,
    "prefetch": prefetch_table,
    "switches": switches_table,
}
