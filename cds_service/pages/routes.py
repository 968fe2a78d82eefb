"""Policy pages: what each hosted policy says, for the people whom cards send here (CRD resp-16)."""

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from cds_service.pages.policy import read_policy, shown_end
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy

# The pages hold everything they show: no script, no image, nothing from elsewhere.
CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list of policies."""

    policy: Policy
    brand: str
    end: str
    codes: int


def create_pages(library: Library, index: PolicyIndex) -> Blueprint:
    """The list of policies and a page for each, made on request from the library's resources."""
    pages = Blueprint("pages", __name__, template_folder="templates")
    pages.after_request(_contained)

    @pages.get("/")
    def start() -> BaseResponse:
        return redirect(url_for(".policies"))

    @pages.get("/policies")
    def policies() -> str:
        return render_template("policies.html", listed=list_policies(index))

    @pages.get("/policies/<policy_id>")
    def policy(policy_id: str) -> tuple[str, int]:
        found = next((one for one in index.policies if one.id == policy_id), None)
        if found is None:
            return render_template("missing.html"), 404
        return render_template("policy.html", view=read_policy(found, library, index)), 200

    return pages


def list_policies(index: PolicyIndex) -> list[Listed]:
    """Every policy, by payer, number and the day it begins."""
    listed = [_listed(policy, index) for policy in index.policies]
    return sorted(listed, key=lambda one: (one.brand, one.policy.citation.number, one.policy.start))


def _listed(policy: Policy, index: PolicyIndex) -> Listed:
    brand = next(payer.brand for payer in index.payers.all if payer.id == policy.payer_id)
    keys = {key for rule in index.rules if rule.policy.id == policy.id for key in rule.by_key}
    return Listed(policy=policy, brand=brand, end=shown_end(policy), codes=len(keys))


def _contained(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY
    return response
