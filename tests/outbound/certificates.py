"""Certificates made on the spot: one authority, and what it signs, rightly or not."""

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whoever signs: a name and a key."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """Makes server contexts, and the file with which clients trust them, all in `directory`."""

    directory: Path
    signer: Signer

    @property
    def ca_file(self) -> str:
        """The authority's own certificate."""
        path = self.directory / "ca.pem"
        signed = _certificate(
            self.signer, by=self.signer, host="authority.example.invalid", days=1, authority=True
        )
        path.write_bytes(signed.public_bytes(Encoding.PEM))
        return str(path)

    def server(
        self, *, host: str = "127.0.0.1", days: int = 1, self_signed: bool = False
    ) -> ssl.SSLContext:
        """A server with a certificate for `host` that expires in `days`; if negative, it has."""
        own = make_signer(host)
        signed = _certificate(own, by=own if self_signed else self.signer, host=host, days=days)
        key = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.directory / f"{host}-{days}-{self_signed}.pem"
        path.write_bytes(key + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def old_server(self) -> ssl.SSLContext:
        """A server that speaks nothing newer than TLS 1.1."""
        context = self.server()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


def make_signer(name: str) -> Signer:
    """A new name and key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return Signer(name=subject, key=ec.generate_private_key(ec.SECP256R1()))


def _certificate(
    owner: Signer, *, by: Signer, host: str, days: int, authority: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(owner.name)
        .issuer_name(by.name)
        .public_key(owner.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 9 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectAlternativeName([_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(signing=authority), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(owner.key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False
        )
        .sign(by.key, SHA256())
    )


def _usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
