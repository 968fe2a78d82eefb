"""`GET /coverage-list`: what the policies determine, as a page to search in, CSV, JSON and FHIR."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request, url_for

from cds_service.errors import InvalidRequest
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode
from cds_service.pages.coverage.answer import answer_question
from cds_service.pages.coverage.fhir import write_fhir
from cds_service.pages.coverage.formats import NOTES, Listing, write_csv, write_json
from cds_service.pages.coverage.listing import CoverageList
from cds_service.pages.coverage.question import Question, parse_question
from cds_service.pages.coverage.rows import ANSWERS
from cds_service.pages.coverage.search import search
from cds_service.pages.parameters import parameter
from cds_service.pages.result_page import PAGE_SIZE, parse_page_number, take_page
from cds_service.pages.routes import SEARCH_SECURITY
from cds_service.pages.search import LONGEST_QUERY
from cds_service.version import VERSION

HTML, CSV, JSON, FHIR = "html", "csv", "json", "fhir"
MEDIA_TYPES: Mapping[str, str] = {
    HTML: "text/html",
    CSV: "text/csv",
    JSON: "application/json",
    FHIR: "application/fhir+json",
}
_COUNT, _MOST = 500, 2_000  # rows of a page that is no HTML, unless the caller wants others
_MOST_CHOICES = 50  # payers or plans to choose from; of more, one is typed
_ASKED = ("q", "payer", "plan", "answer", "date")
_FRESH = "public, max-age=60"  # a set of policies may be swapped at any time


class _Asked(NamedTuple):
    """A request for the list: its format, how many rows on a page, and which page."""

    form: str
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class _Choices:
    """What the form offers: all payers or plans, unless there are too many to choose from."""

    payers: tuple[tuple[str, str], ...]
    plans: tuple[tuple[str, str], ...]


def create_coverage_pages(read: Callable[[], CoverageList], today: Callable[[], date]) -> Blueprint:
    """The coverage list, under /coverage-list, free to read.

    `read` gives the list of the policies that are in service at the moment.
    """
    pages = Blueprint("coverage", __name__, template_folder="../templates")

    @pages.app_template_global()
    def coverage_address() -> str:
        return url_for("coverage.coverage_list")

    @pages.get("/coverage-list")
    def coverage_list() -> Response:
        form = HTML
        try:
            form = _read_format()
            return _answer(read(), today(), _read_asked(form))
        except InvalidRequest as error:
            return _refused(error, form)

    pages.after_request(_open_to_all)
    return pages


def _answer(coverage: CoverageList, today: date, asked: _Asked) -> Response:
    question = parse_question(
        coverage,
        today,
        words=parameter("q"),
        payer=parameter("payer"),
        plan=parameter("plan"),
        answer=parameter("answer"),
        day=parameter("date"),
    )
    tag = _tag(coverage, question, asked)
    if request.if_none_match.contains_weak(tag):
        response = make_response("", 304)
    else:
        listing = _list(coverage, question, asked)
        response = _WRITERS[asked.form](coverage, listing, today)
        response.mimetype = MEDIA_TYPES[asked.form]
        if listing.following:
            response.headers["Link"] = f'<{listing.following}>; rel="next"'
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = _FRESH
    if coverage.since:
        response.last_modified = _changed(coverage.since, question, today)
    return response


def _read_format() -> str:
    """The format that is asked for by name, or else by `Accept`; a browser gets the page.

    Raises:
        InvalidRequest: there is none such.
    """
    named = parameter("format").strip()
    if named:
        if named not in MEDIA_TYPES:
            raise InvalidRequest(f"`format` is one of {', '.join(MEDIA_TYPES)}")
        return named
    accepted = request.accept_mimetypes.best_match(MEDIA_TYPES.values(), MEDIA_TYPES[HTML])
    return next(form for form, media_type in MEDIA_TYPES.items() if media_type == accepted)


def _read_asked(form: str) -> _Asked:
    """How the list is asked for.

    Raises:
        InvalidRequest: `count` is no number of rows.
    """
    raw = parameter("count").strip()
    count = PAGE_SIZE if form == HTML else _COUNT
    if raw and form != HTML:
        count = parse_page_number(raw) if raw.isascii() and raw.isdigit() else 0
        if not 1 <= count <= _MOST:
            raise InvalidRequest(f"`count` is a number of rows from 1 to {_MOST}")
    return _Asked(form, count, parse_page_number(parameter("page")))


def _list(coverage: CoverageList, question: Question, asked: _Asked) -> Listing:
    found = search(coverage, question)
    page = take_page(found.rows, asked.number, asked.size)
    return Listing(
        question=question,
        digest=coverage.digest,
        answers=answer_question(coverage, found),
        page=page,
        address=_address(page.number),
        following=_address(page.next) if page.next else "",
    )


def _address(number: int | None, form: str = "") -> str:
    """The address of a page of what was asked for, in the same format or another."""
    asked = {name: parameter(name)[:LONGEST_QUERY] for name in (*_ASKED, "format", "count")}
    asked |= {"format": form} if form else {}
    if number and number > 1:
        asked["page"] = str(number)
    query = urlencode({name: value for name, value in asked.items() if value})
    return "?".join(filter(None, (url_for("coverage.coverage_list"), query)))


def _tag(coverage: CoverageList, question: Question, asked: _Asked) -> str:
    """What tells one answer from another: set of policies, day, question, format and program."""
    selection = question.selection
    parts = (coverage.digest, question.day, question.words, *selection, *asked, VERSION)
    return sha256("\0".join(map(str, parts)).encode(errors="replace")).hexdigest()[:32]


def _changed(since: datetime, question: Question, today: date) -> datetime:
    """When the answer became what it is: with the set of policies, or as the day began."""
    if parameter("date") or question.day != today:
        return since
    return max(since, datetime.combine(today, time.min, tzinfo=UTC))


def _html(coverage: CoverageList, listing: Listing, today: date) -> Response:
    question = listing.question
    html = render_template(
        "coverage_list.html",
        listing=listing,
        question=question,
        result=listing.page,
        hosted=len(coverage.entries),
        choices=_choices(coverage),
        answers=ANSWERS,
        notes=NOTES,
        longest_query=LONGEST_QUERY,
        today=today,
        address=_address,
        usual=_COUNT,
        most=_MOST,
    )
    return make_response(html)


def _choices(coverage: CoverageList) -> _Choices:
    payers, plans = coverage.payers, coverage.plans
    return _Choices(
        payers=tuple((payer.id, payer.brand) for payer in payers[: _MOST_CHOICES + 1]),
        plans=tuple((plan.id, plan.name) for plan in plans[: _MOST_CHOICES + 1]),
    )


def _csv(_coverage: CoverageList, listing: Listing, _today: date) -> Response:
    response = Response(write_csv(listing))
    name = f"coverage-list-{listing.question.day}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _json(_coverage: CoverageList, listing: Listing, _today: date) -> Response:
    return Response(write_json(listing))


def _fhir(_coverage: CoverageList, listing: Listing, _today: date) -> Response:
    return Response(write_fhir(listing))


def _refused(error: InvalidRequest, form: str) -> Response:
    """What is wrong with a question: a page for people, an OperationOutcome for programs."""
    if form == HTML:
        return make_response(render_template("coverage_refused.html", problem=str(error)), 400)
    return Response(encode(outcome_of(error)), status=400, mimetype=MEDIA_TYPES[FHIR])


def _open_to_all(response: Response) -> Response:
    """The list is public: any page may read it, and what tells one version from another."""
    response.headers.setdefault("Content-Security-Policy", SEARCH_SECURITY)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Last-Modified, Link"
    response.vary.add("Accept")
    return response


_WRITERS: Mapping[str, Callable[[CoverageList, Listing, date], Response]] = {
    HTML: _html,
    CSV: _csv,
    JSON: _json,
    FHIR: _fhir,
}
