"""The guide's codes, letter for letter (CRD 2.2.1, coverage-information value sets)."""

from enum import StrEnum

from cds_service.fhir.coding import Coding

CRD = "http://hl7.org/fhir/us/davinci-crd"
CRD_TEMP = f"{CRD}/CodeSystem/temp"
CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
SDC_TEMP = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"
COVERAGE_DETAIL = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
COVERAGE_INFORMATION = f"{CRD}/StructureDefinition/ext-coverage-information"
BILLING_OPTIONS = f"{CRD}/StructureDefinition/ext-billing-options"

# Where our own policies, payer identifiers and reason codes live; a deployer rewrites it at export.
CANONICAL_BASE = "https://coverage-policies.invalid/fhir"
PAYER_ID = f"{CANONICAL_BASE}/NamingSystem/payer-id"
REASONS = f"{CANONICAL_BASE}/CodeSystem/coverage-determination-reason"
COVERAGE_DETERMINATION = f"{CANONICAL_BASE}/StructureDefinition/coverage-determination"
SHARED_DETAILS = f"{CANONICAL_BASE}/StructureDefinition/coverage-shared-details"


class Covered(StrEnum):
    """Whether the payer covers the service."""

    COVERED = "covered"
    NOT_COVERED = "not-covered"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


class PaNeeded(StrEnum):
    """Whether prior authorization is needed."""

    NO_AUTH = "no-auth"
    AUTH_NEEDED = "auth-needed"
    SATISFIED = "satisfied"
    PERFORM_PA = "performpa"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


class DocNeeded(StrEnum):
    """Which documentation is needed."""

    CLINICAL = "clinical"
    ADMIN = "admin"
    PATIENT = "patient"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


class DocPurpose(StrEnum):
    """What documentation is for.

    `withpa` is written for CRD 2.0 alone: the crd-ci-q4 published with 2.1 and 2.2 rejects it even
    beside an ordinary `auth-needed`, so their clients read `OTH` (see `down_conversion`).
    """

    WITH_PA = "withpa"
    WITH_CLAIM = "withclaim"
    WITH_ORDER = "withorder"
    RETAIN_DOC = "retain-doc"
    OTHER = "OTH"


class InfoNeeded(StrEnum):
    """Which information, not at hand, the answer depends on."""

    PERFORMER = "performer"
    LOCATION = "location"
    TIMEFRAME = "timeframe"
    CONTRACT_WINDOW = "contract-window"
    DETAIL_CODE = "detail-code"
    OTHER = "OTH"


class DetailCategory(StrEnum):
    """What kind of detail a detail is."""

    LIMITATION = "cat-limitation"
    DECISIONAL = "cat-decisional"
    OTHER = "cat-other"


class Topic(StrEnum):
    """The response types (CRD cardType); policies choose those of their proposals."""

    COVERAGE_INFO = "coverage-info"
    UNSOLICITED_DETERM = "unsolicited-determ"
    GUIDELINE = "guideline"
    CLAIM = "claim"
    INSURANCE = "insurance"
    LIMITS = "limits"
    NETWORK = "network"
    APPROPRIATE_USE = "appropriate-use"
    COST = "cost"
    THERAPY_ALTERNATIVES_OPT = "therapy-alternatives-opt"
    THERAPY_ALTERNATIVES_REQ = "therapy-alternatives-req"
    CLINICAL_REMINDER = "clinical-reminder"
    DUPLICATE_THERAPY = "duplicate-therapy"
    CONTRAINDICATION = "contraindication"
    OFF_GUIDELINE = "off-guideline"


# The guide's own reason codes (coverageAssertionReasons).
NO_ACTIVE_COVERAGE = Coding(CRD_TEMP, "no-active-coverage")
COVERAGE_NOT_FOUND = Coding(CRD_TEMP, "coverage-not-found")
TECHNICAL = Coding(CRD_TEMP, "technical")
DETAIL_CODE = Coding(CRD_TEMP, "detail-code")

# Ours (CodeSystem coverage-determination-reason in fhir_library/shared).
NO_POLICY_FOUND = Coding(REASONS, "no-policy-found")
PAYER_NOT_IDENTIFIED = Coding(REASONS, "payer-not-identified")
PLAN_NOT_IDENTIFIED = Coding(REASONS, "plan-not-identified")
CONDITION_UNKNOWN = Coding(REASONS, "condition-unknown")
ORDER_NOT_UNDERSTOOD = Coding(REASONS, "order-not-understood")

# Every coding that says why this service determined what no policy did.
REASON_CODINGS = (
    NO_ACTIVE_COVERAGE,
    COVERAGE_NOT_FOUND,
    TECHNICAL,
    DETAIL_CODE,
    NO_POLICY_FOUND,
    PAYER_NOT_IDENTIFIED,
    PLAN_NOT_IDENTIFIED,
    CONDITION_UNKNOWN,
    ORDER_NOT_UNDERSTOOD,
)
