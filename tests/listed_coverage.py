"""Coverage lists: of invented policies, and of the policies that come with the service."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from hosted_policies import TODAY, JsonObject, library_of

from cds_service.pages.coverage.answer import Sentence, answer_question
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.coverage.question import parse_question
from cds_service.pages.coverage.routes import create_coverage_pages
from cds_service.pages.coverage.rows import CoverageRow
from cds_service.pages.coverage.search import Found, search
from cds_service.pages.routes import create_pages, read_pages
from cds_service.policy.library.artifacts import Library, builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

EXAMPLES = Path(__file__).parents[1] / "examples" / "policies"
BASE_URL = "https://crd.example.invalid"
SINCE = datetime(2026, 11, 20, 8, tzinfo=UTC)


def shipped() -> tuple[Library, PolicyIndex]:
    """The policies that come with the service, and the examples."""
    library = read_library([builtin_library(), EXAMPLES])
    return library, compile_library(library, base_url=BASE_URL)


def coverage_of(directory: Path, *resources: JsonObject) -> CoverageList:
    """The list of these policies of the payer `acme`."""
    library = library_of(directory, *resources)
    return list_coverage(library, compile_library(library, base_url=BASE_URL))


def listed(coverage: CoverageList, day: date = TODAY) -> list[CoverageRow]:
    """All rows of a day."""
    return list(coverage.as_of(day))


def ask(coverage: CoverageList, words: str, **asked: str) -> Found:
    """What a question leads to, today unless it names a day."""
    return search(coverage, parse_question(coverage, TODAY, words=words, **asked))


def answers(coverage: CoverageList, words: str, **asked: str) -> list[Sentence]:
    """What is answered to a question."""
    return list(answer_question(coverage, ask(coverage, words, **asked)))


def value_set(name: str, *includes: dict[str, Any], **compose: Any) -> dict[str, Any]:
    """A ValueSet of an invented library."""
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"https://payer.example/ValueSet/{name}",
        "version": "1",
        "status": "active",
        "compose": {"include": list(includes), **compose},
    }


def filtered_on(name: str) -> list[dict[str, Any]]:
    """The input of a rule that filters on one of these ValueSets."""
    wanted = {"path": "code", "valueSet": f"https://payer.example/ValueSet/{name}|1"}
    return [{"type": "ServiceRequest", "codeFilter": [wanted]}]


def like(system: str, expression: str) -> dict[str, Any]:
    """An include of the codes that a regular expression matches."""
    wanted = {"property": "concept", "op": "regex", "value": expression}
    return {"system": system, "filter": [wanted]}


def coverage_client(
    library: Library, index: PolicyIndex, today: Callable[[], date] = lambda: TODAY
) -> FlaskClient:
    """A client of the coverage list, beside the pages of its policies."""
    app = Flask(__name__)
    shown = read_pages(library, index)
    coverage = list_coverage(library, index, since=SINCE)
    app.register_blueprint(create_pages(lambda: shown, today))
    app.register_blueprint(create_coverage_pages(lambda: coverage, today))
    return app.test_client()
