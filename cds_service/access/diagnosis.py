"""What is wrong with the configuration of a client, tried out from our side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from cds_service.access.clients import MOST_SKEW, Client
from cds_service.access.prober import Prober
from cds_service.access.scopes import parse_scope
from cds_service.access.signing_keys import KeySet, SigningKey, parse_key_set
from cds_service.errors import RequestFailed
from cds_service.fhir.resource import decode, resource_type, text
from cds_service.outbound.response import HttpResponse

SOON = timedelta(days=30)  # a certificate ends: early enough to write to somebody
_R4 = "4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; for a fault, which `setting` of the client to give which value."""

    check: str
    words: str
    is_fault: bool = False
    setting: str = ""
    value: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """How clients are checked.

    `urls` are those of our services, as clients call them, `servers` the FHIR servers of a client
    that has none of its own; `token` is for these servers, `patient` one whom it may read.
    """

    prober: Prober
    urls: Sequence[str]
    servers: Sequence[str]
    now: Callable[[], datetime]
    token: str = field(default="", repr=False)
    patient: str = ""

    def findings(self, client: Client) -> Iterator[Finding]:
        """Every check of the client, as it is made."""
        yield from self._key_findings(client)
        yield from self._audience_findings(client)
        yield from _scope_findings(client)
        servers = self.servers if client.fhir_servers is None else sorted(client.fhir_servers)
        for server in servers:
            yield from self._server_findings(server, client)
        if not servers:
            yield Finding(check="FHIR", words="no server is registered: nothing is queried there")

    def _key_findings(self, client: Client) -> Iterator[Finding]:
        if client.keys:
            yield from _usable_keys(client, tuple(client.keys.values()), "in the file")
            return
        try:
            response = self.prober.get_keys(client)
            keys = _read_keys(response)
        except RequestFailed as error:
            yield Finding(
                check="keys",
                words=f"{client.jku}: {error}",
                is_fault=True,
                setting="jku",
                value="https://…: where its keys are",
            )
            return
        yield from _usable_keys(client, tuple(keys.keys.values()), f"at {client.jku}")
        for problem in keys.unusable:
            yield Finding(check="keys", words=f"not used: {problem}")
        yield from self._clock_findings(response, client, client.jku)
        yield from self._certificate_findings(client.jku)

    def _clock_findings(
        self, response: HttpResponse, client: Client, url: str
    ) -> Iterator[Finding]:
        """Their clock, by the Date of a response, which has whole seconds."""
        try:
            theirs = parsedate_to_datetime(response.date)
            ahead = (theirs - self.now()).total_seconds()
        except (TypeError, ValueError):  # none, or without a zone
            return
        words = f"{url}: {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'} ours"
        if abs(ahead) <= client.skew + 1:
            yield Finding(check="clock", words=words)
        elif abs(ahead) <= MOST_SKEW:
            skew = min(MOST_SKEW, int(abs(ahead)) + 30)
            words = f"{words}; {client.skew} s are allowed"
            yield Finding(check="clock", words=words, is_fault=True, setting="skew", value=skew)
        else:
            words = f"{words}: one of the two clocks is wrong, which no setting here mends"
            yield Finding(check="clock", words=words, is_fault=True)

    def _certificate_findings(self, url: str) -> Iterator[Finding]:
        try:
            ends = self.prober.certificate_end(url)
        except RequestFailed as error:
            yield Finding(check="certificate", words=f"{url}: {error}", is_fault=True)
            return
        if ends is None:
            yield Finding(check="certificate", words=f"{url}: without TLS, for a test client only")
            return
        words = f"{url}: valid until {ends:%Y-%m-%d}"
        yield Finding(check="certificate", words=words, is_fault=ends - self.now() < SOON)

    def _audience_findings(self, client: Client) -> Iterator[Finding]:
        """What a token must be for."""
        for audience in sorted(client.audiences):
            yield Finding(check="audience", words=f"{audience}, for every address, as set")
        for url in () if client.audiences else self.urls:
            yield Finding(check="audience", words=f"{url}, for that address")

    def _server_findings(self, server: str, client: Client) -> Iterator[Finding]:
        try:
            response = self.prober.get_fhir(server, "metadata", client)
            yield from self._clock_findings(response, client, server)
            yield from self._certificate_findings(server)
            yield _capability(server, response)
            if self.token:
                yield self._read_patient(server, client)
        except RequestFailed as error:
            yield Finding(
                check="FHIR",
                words=f"{server}: {error}",
                is_fault=True,
                setting="fhir_servers",
                value=["https://…: the base address of its FHIR server"],
            )

    def _read_patient(self, server: str, client: Client) -> Finding:
        path = f"Patient/{self.patient}" if self.patient else "Patient?_count=1"
        try:
            response = self.prober.get_fhir(server, path, client, self.token)
        except RequestFailed as error:
            words = f"{server}: a Patient cannot be read with this token: {error}"
            return Finding(check="FHIR read", words=words, is_fault=True)
        kind = _type_of(response)
        is_read = kind == ("Patient" if self.patient else "Bundle")
        words = f"{server}: a Patient is read" if is_read else f"{server}: sends no FHIR"
        return Finding(check="FHIR read", words=words, is_fault=not is_read)


def _read_keys(response: HttpResponse) -> KeySet:
    try:
        return parse_key_set(response.body)
    except ValueError as error:
        raise RequestFailed(str(error)) from error


def _usable_keys(client: Client, keys: Sequence[SigningKey], where: str) -> Iterator[Finding]:
    """The keys by id, with those algorithms of each that the client may use."""
    fitting = {key.kid: sorted(key.algorithms & client.algorithms) for key in keys}
    shown = [f"{kid} ({', '.join(names)})" for kid, names in sorted(fitting.items()) if names]
    if shown:
        yield Finding(check="keys", words=f"{where}: {', '.join(shown)}")
        return
    possible = frozenset[str]().union(*(key.algorithms for key in keys))
    yield Finding(
        check="keys",
        words=f"{where}: none is for an algorithm that this client may use",
        is_fault=True,
        setting="algorithms",
        value=sorted(possible),
    )


def _scope_findings(client: Client) -> Iterator[Finding]:
    senseless = sorted(scope for scope in client.scopes if parse_scope(scope) is None)
    if senseless:
        yield Finding(
            check="scopes",
            words=f"no scopes of Backend Services: {', '.join(senseless)}",
            is_fault=True,
            setting="scopes",
            value=sorted(client.scopes - set(senseless)) or ["system/*.rs"],
        )


def _capability(server: str, response: HttpResponse) -> Finding:
    """Whether it is a FHIR server of R4."""
    if _type_of(response) != "CapabilityStatement":
        return Finding(check="FHIR", words=f"{server}: no CapabilityStatement", is_fault=True)
    version = text(decode(response.body).get("fhirVersion"))
    is_r4 = version.startswith(_R4)
    return Finding(
        check="FHIR",
        words=f"{server}: FHIR {version or 'of no version'}" + ("" if is_r4 else "; R4 is read"),
        is_fault=not is_r4,
    )


def _type_of(response: HttpResponse) -> str:
    try:
        found = decode(response.body)
    except ValueError:
        return ""
    return resource_type(found) if isinstance(found, dict) else ""
