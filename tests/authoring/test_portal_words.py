"""Words that send to a portal, and words of medicine and of a reception that send nobody."""

import pytest

from cds_service.authoring.portal_words import portal_in

SENDS_AWAY = (
    "Submit the request through the provider portal.",
    "Use Acme's web-portal",
    "See ProviderPortal for the forms",
    "https://portal.acme.invalid/start",
    "https://www.acme.invalid/providers/portal",
    "https://acme.invalid/login?next=request",
    "https://providers-login.acme.invalid",
    "Please log in to request authorization.",
    "Providers may sign in at acme.invalid",
    "Log in.",
    "Logged in, ask for authorization",
    "Use the single sign-on",
    "Submit it via Availity",
    "Ask on NaviNet",
    "CoverMyMeds has the form",
    "https://www.radmd.invalid",
    "Request prior authorization online.",
    "Submit the authorization request on our website",
    "Check benefits at www.acme.invalid",
    "Verify eligibility at https://acme.invalid/members",
    "Go to our provider website to request authorization.",
    "Visit our provider website for precertification requirements.",
    "Please visit www.acme.invalid to submit prior authorization",
    "Prior authorization may be requested at providers.example.com.",
    "Use the authorization lookup tool on our website.",
    "Preauth can be done on our website.",
    "Find out on our website whether this is covered.",
    "Determine if a service is covered at www.acme.invalid",
    "Submit the online authorization form",
    "Requests may be submitted online 24 hours a day for prior approval.",
    "Use the Provider Hub to request authorization",
    "Authorization requests: https://acme.invalid/pa",
    "Request authorization on our website according to the policy",
    "Submit it at www.evicore.com",
    "Use the Interactive Care Reviewer",
    "Acme Portal Essentials",
    "Our provider portal system",
    "The portal accepts requests",
    "Use the transplant portal",
)
SENDS_NOBODY = (
    "Portal vein embolization before hepatectomy",
    "A CT in the portal venous phase",
    "Portal hypertension with varices",
    "The portal triad, with periportal inflammation",
    "Thrombosis of the portal and hepatic veins",
    "The hepatic portal system",
    "The splenoportal confluence",
    "An anterolateral portal in arthroscopy of the knee",
    "Portal imaging in radiotherapy",
    "The skin as the portal of entry",
    "A headache log in the chart",
    "A Babinski sign in the left foot",
    "Tinel's sign on examination",
    "The patient's sign-in sheets",
    "Designing the implant; cardiology; a catalog",
    "Online cognitive behavioural therapy needs authorization",
    "Request authorization by fax.",
    "Contact Carelon by phone",
    "See the policy at https://acme.invalid/policies/1.pdf",
    "https://acme.invalid/Questionnaire/authorization-request|1",
    "Percutaneous Portal Vein Embolization",
    "Gas in the left portal vein and its tributaries",
    "The donor's portal vein",
    "Portal tumor thrombus with portal cholangiopathy",
    "Resection of the portal confluence and the mesenterico-portal axis",
    "Uniportal thoracoscopic lobectomy; unilateral biportal endoscopy",
    "A two-portal technique with the anteromedial portal",
    "Portals of entry",
    "The consent form is signed on.",
    "Call eviCore at 555-0100 to request authorization.",
    "See the coverage policy at www.acme.invalid/policies",
    "See https://acme.invalid/benefits for details of benefits",
    "Medicare NCD 20.32, https://www.cms.gov/ncd/20.32, for coverage",
    "Prior authorization criteria are published at https://acme.invalid/1.pdf",
    "Eligible for transplant by the rules at https://registry.invalid",
    "Web-based cognitive behavioural therapy requires authorization",
    "See www.nccn.org, and request the oncologist's note",
)


@pytest.mark.crd("resp-17", "resp-23")
@pytest.mark.parametrize("words", SENDS_AWAY)
def test_words_and_addresses_of_portals_are_found(words: str) -> None:
    """The word, a login, names that are known, and asking on the web."""
    assert portal_in(words)


@pytest.mark.parametrize("words", SENDS_NOBODY)
def test_words_of_medicine_and_other_ways_of_asking_are_not(words: str) -> None:
    """Veins, arthroscopy, signs and logs; a fax, a phone, a document to read."""
    assert portal_in(words) == ""
