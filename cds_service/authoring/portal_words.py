"""Words that would send a clinician to a portal, told from those that have another meaning.

A portal is also a part of the liver, a way into a joint or a chest and an image in radiotherapy; a
sign is found in a patient, a log kept of seizures. A web page may be read; what a card may not do
is send there for authorization, or to find out about coverage (CRD resp-17, resp-23).
"""

import re
from collections.abc import Mapping

# What follows the word where it is the page of a payer; followed by any other, it is anatomy.
_OF_THE_WEB = (
    r"(?:and|or|nor|at|for|to|by|in|on|with|via|using|from|under|of|as|if|when|where|before|after|"
    r"prior|which|that|is|are|was|were|will|may|can|must|should|shall|has|have|does|do|not|"
    r"allows?|accepts?|shows?|lists?|offers?|requires?|takes?|opens?|provides?|gives?|tells?|lets?|"
    r"access|log\w*|sign\w*|pages?|accounts?|links?|sites?|users?|websites?|tools?|messag\w+|"
    r"requests?|forms?|submissions?|registr\w+|credentials?|address|url|inquir\w+|applications?|"
    r"options?|here|online|first|today|instead|only|now|you|your|we|our|a|an|the|this|it|within|"
    r"through|without|during|until|unless|because|since|then|also|please)"
)
# Of anatomy what stands in titles, where other words with capitals are names of portals.
_ANATOMY = (
    r"(?:ve[in]|hypert|triad|tract|system|circul|pressure|flow|blood|branch|node|thromb|emboli|"
    r"imag|phase|film|region|inflamm|fibro|lymph|placement)\w*"
)
_CLINICAL = re.compile(
    r"\b(?:(?:uni|bi|tri|multi)-?|(?:single|two|three|four|dual|double)-)portals?\b|"
    r"\b(?:peri|trans|pre|post|extra|intra|inter|spleno|porto|hepato|aorto|cavo|mesenterico)"
    r"-?portal\w*|"
    r"\bportal-(?:\w*ven|system|caval|hepat|\w*mesent|splen)\w*|"
    rf"\bportals? +(?!{_OF_THE_WEB}\b)(?-i:[a-z])\w+|"
    rf"\bportals? +{_ANATOMY}|"
    r"\bportal(?:,| and| or|/) ?(?:hepatic|splenic|mesenteric|biliary|systemic|superior|caval)|"
    r"\bportal to systemic|"
    r"\b(?:hepatic|arthroscop\w+|endoscop\w+|anterior|posterior|lateral|medial|superior|inferior|"
    r"(?:antero|postero|supero|infero|supra|(?:mid|trans|infra)(?:pat|lat|ant|med|ten|sep|spin))"
    r"\w+|working|viewing|camera|"
    r"instrument\w*|accessory|skin|left|right) portals?\b|"
    r"\bportals? (?:of (?:entry|exit)|de entrada)|"
    r"\b(?:sign|log)-?in (?:sheet|log)s?\b",
    re.IGNORECASE,
)
_WHOSE = (
    r"provider|physician|prescriber|practice|member|payer|payor|insurer|plan|web|online|internet|"
    r"secure|authorization|eligibility|benefits?|our|their|'s|’s"
)
# What sends to a portal, and how that looks; the first is looked for among medicine's words too.
SIGNS: Mapping[str, str] = {
    "the portal of somebody": rf"(?<![a-z])(?:{_WHOSE})[ -]portals?\b(?! +(?!system){_ANATOMY})",
    "a portal": r"portal\w*",
    "a login": r"log(?:in|on)(?![a-z])|(?<![a-z])(?:signin|(?:log|sign)-(?:in|on))(?![a-z])",
    "logging in": r"\b(?:log|sign|logged|signed|logging|signing) (?:in|on)"
    r"(?:to\b| (?:to|at|with|via|through|using|and|or|here|first|online)\b)|"
    r"\b(?:log|sign|logged|logging|signing) (?:in|on)(?= *(?:[.,;:!)]|$))",
    "a portal by its name": r"\b(?:availity|navinet|covermymeds|radmd|promptpa|uhcprovider|"
    r"iexchange|interactive care reviewer|evicore\.com|carelon\.com|mycarelon)",
}
_SIGNS: Mapping[str, re.Pattern[str]] = {
    what: re.compile(sign, re.IGNORECASE) for what, sign in SIGNS.items()
}
_ADDRESS = re.compile(
    r"(?i)(?:https?://|\bwww\.|(?<![a-z\d.-])[a-z\d-]+(?:\.[a-z\d-]+)*\.(?:com|org|net|gov)\b)"
    r"(?:\S*[^\s.,;:!?()])?"
)
_AT = "(address)"  # what addresses are shortened to, so that their own words ask for nothing
_PLACE = re.compile(
    r"(?i)\bweb[ -]?(?:site|page|tool|form|app|based)|\(address\)|\binternet\b|\bself-service\b|"
    r"\b(?:provider|payer|member) (?:site|page|hub|gateway|tool)|"
    r"\bonline\b(?= *(?:[.,;:!()\d]|$|(?:at|through|via|using|or|and|by|to|form|tool|system|"
    r"request|submission|authori[sz]ation|service|director\w+|account)\b))"
)
_AUTHORIZATION = re.compile(
    r"(?i)authori[sz]|\bpre-?auth|\bpre-?cert|\bprior (?:auth|approval)|\bPA\b|"
    r"\b(?:check|verif\w+|confirm\w*) (?:the )?(?:(?:member|patient)[’']?s? )?eligib|"
    r"\b(?:member|patient)[’']s eligib"
)
_COVERAGE = re.compile(
    r"(?i)\b(?:coverage|benefits?|covered|approval|eligibility|(?:the|your|a|all|new) requests?|"
    r"requests? (?:may|can|must|should|are))\b"
)
# Beside authorization going there is enough; coverage may be read about, but not asked for.
_GOES = re.compile(r"(?i)\b(?:see|visit|us(?:e|ing)|go|via|through|on|at|by|in|requests?)\b")
_ASKS = re.compile(
    r"(?i)\b(?:submit|submi(?:ts|tted)|request(?:ed|ing)?|initiat\w+|start|appl(?:y|ied) for|"
    r"obtain\w*|check|verif\w+|determin\w+|ask|find out|look(?:ed)? up|complete|fill)\b"
)
_CRITERIA = re.compile(r"(?i)\b(?:polic(?:y|ies)|guidelines?|criteria|NCD|LCD|evidence)\b")
_SUBMITS = re.compile(r"(?i)\b(?:submi\w+|request(?:ed|ing)?|initiat\w+|obtain\w*|apply)\b")


def portal_in(words: str) -> str:
    """What in some words would send a clinician to a portal, quoted; empty if nothing does."""
    cleared = _CLINICAL.sub(" ", words)
    for what, pattern in _SIGNS.items():
        if found := pattern.search(words if what == "the portal of somebody" else cleared):
            return f"{what} (“{found.group().strip()}”)"
    for sentence in re.split(r"(?<=[.;!?])\s", words):
        if _asks_online(_ADDRESS.sub(_AT, sentence)):
            return f"asking on the web (“{sentence.strip()}”)"
    return ""


def _asks_online(sentence: str) -> bool:
    """Whether a sentence has somebody ask on the web; that a policy is to be read there may be."""
    if not _PLACE.search(sentence):
        return False
    if _CRITERIA.search(sentence) and not _SUBMITS.search(sentence):
        return False
    if _AUTHORIZATION.search(sentence):
        return bool(_GOES.search(sentence) or _ASKS.search(sentence))
    return bool(_COVERAGE.search(sentence) and _ASKS.search(sentence))
