"""Policy pages: the hosted policies for a person to read, whom a card sends here (CRD resp-16)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from cds_service.pages.parameters import parameter
from cds_service.pages.policy import read_policy
from cds_service.pages.policy_list import PolicyList, list_policies
from cds_service.pages.result_page import parse_page_number, take_page
from cds_service.pages.search import LONGEST_QUERY, PolicySearch, parse_query
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex

# The pages hold everything they show: no script, no image, nothing from elsewhere.
CONTENT_SECURITY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# The list has a form, which asks for the list.
SEARCH_SECURITY = CONTENT_SECURITY.replace("form-action 'none'", "form-action 'self'")
_SECURITY_HEADER = "Content-Security-Policy"


@dataclass(frozen=True, slots=True)
class PolicyPages:
    """What the pages show, of one set of policies."""

    library: Library
    listed: PolicyList
    search: PolicySearch


def read_pages(library: Library, index: PolicyIndex) -> PolicyPages:
    """What the pages show of these policies, read in one pass."""
    listed = list_policies(library, index)
    return PolicyPages(library, listed, PolicySearch(listed.policies))


def create_pages(read: Callable[[], PolicyPages], today: Callable[[], date]) -> Blueprint:
    """The list of policies, searched and by pages, and a page for each policy.

    `read` gives the policies that are in service at the moment.
    """
    pages = Blueprint("pages", __name__, template_folder="templates")
    pages.after_request(_contained)

    @pages.get("/")
    def start() -> BaseResponse:
        return redirect(url_for(".policies"))

    @pages.get("/policies")
    def policies() -> Response:
        shown = read()
        query = parse_query(parameter("q"))
        result = take_page(shown.search.find(query), parse_page_number(parameter("page")))
        html = render_template(
            "policies.html",
            result=result,
            query=query,
            longest_query=LONGEST_QUERY,
            hosted=len(shown.listed.policies),
            today=today(),
        )
        response = make_response(html)
        response.headers[_SECURITY_HEADER] = SEARCH_SECURITY
        return response

    @pages.get("/policies/<policy_id>")
    def policy(policy_id: str) -> tuple[str, int]:
        shown = read()
        listed = shown.listed.find(policy_id)
        if listed is None:
            return render_template("missing.html"), 404
        view = read_policy(listed, shown.library, today())
        return render_template("policy.html", view=view), 200

    return pages


def _contained(response: Response) -> Response:
    response.headers.setdefault(_SECURITY_HEADER, CONTENT_SECURITY)
    return response
