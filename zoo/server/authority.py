"""The user's own certificate authority, by which other devices of a network trust this machine."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zoo.common.files import atomic_path, ensure_writable, read_file
from zoo.common.paths import OTHER_HOME, data_folder

#: How long the authority is valid; devices take no certificate that is valid for over 825 days.
DAYS = 365
#: One that ends sooner is replaced: a measurement may run for days.
_LEAST_DAYS = 7
#: Clocks of phones and of this machine differ.
_SKEW = timedelta(hours=1)
#: Bytes of the stored file, at most.
_MOST = 1 << 16
#: Networks that the Internet does not reach. Whoever steals the key can stand for nothing else.
_PRIVATE = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
    *("127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"),
)
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate that devices are told to trust, with the key that signs for this machine.

    Attributes:
        certificate: Limited to private networks and the names of this machine.
        made: Why it was made just now, in words; empty for one that was there.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    made: str = ""

    @property
    def der(self) -> bytes:
        """The certificate as phones install it."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def name(self) -> str:
        """As settings of devices list it."""
        (name,) = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(name.value)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as settings of devices show it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def ends(self) -> datetime:
        """When it expires."""
        return self.certificate.not_valid_after_utc

    def sign(self, names: Sequence[str]) -> trustme.LeafCert:
        """A certificate and a fresh key for names and addresses of this machine."""
        signer = trustme.CA.from_pem(
            self.pem,
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        return signer.issue_cert(
            *names,
            organization_name="edgezoo",
            organization_unit_name=self.name,
            not_before=datetime.now(UTC) - _SKEW,
            not_after=self.ends,
        )


def authority_file() -> Path:
    """Where it is kept: a folder and a file that this user alone can read."""
    return data_folder() / "https" / "authority.pem"


def authority_for(names: Sequence[str], *, renew: bool = False) -> Authority:
    """The authority of this user; made anew where there is none that can sign for the names.

    Args:
        names: Names and addresses by which other devices call this machine.
        renew: Whether another is asked for, which devices then have to be told to trust.

    Raises:
        ZooError: It cannot be stored.
    """
    file = authority_file()
    found, why = (None, "another was asked for") if renew else _stored(file)
    if found is not None:
        why = _unfit(found, names)
        if not why:
            return found
    made = _make(names, why)
    ensure_writable(file.parent, fix=OTHER_HOME)
    file.parent.chmod(0o700)
    secret = made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with atomic_path(file, fix=OTHER_HOME) as temporary:
        temporary.touch(0o600, exist_ok=False)
        temporary.write_bytes(secret + made.pem)
    return made


def host_names(names: Sequence[str]) -> tuple[str, ...]:
    """Those that a certificate can hold: addresses, and names that the domain system allows."""
    low = (name.lower() for name in names)
    return tuple(name for name in low if _address(name) or _HOST_NAME.fullmatch(name))


def _stored(file: Path) -> tuple[Authority | None, str]:
    """The one that is stored, or why there is none."""
    if not file.is_file():
        return None, "there was none"
    try:
        held = file.stat()
        if hasattr(os, "getuid") and held.st_uid != os.getuid():
            return None, f"{file} belongs to another user"
        if held.st_mode & 0o077:
            return None, f"others could read the key in {file}"
        content = read_file(file, _MOST)
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None, f"the key in {file} is of another kind"
        if key.public_key() != certificate.public_key():
            return None, f"key and certificate in {file} do not belong together"
        return Authority(certificate=certificate, key=key), ""
    except (OSError, ValueError, TypeError):
        return None, f"{file} cannot be read"


def _unfit(authority: Authority, names: Sequence[str]) -> str:
    """Why it cannot sign for the names; empty where it can."""
    now = datetime.now(UTC)
    if authority.ends <= now:
        return f"the one before expired on {authority.ends:%d %B %Y}"
    if authority.ends < now + timedelta(days=_LEAST_DAYS):
        return f"the one before expires on {authority.ends:%d %B %Y}"
    if outside := outside_of(authority, names):
        return f"the one before may not sign for {', '.join(outside)}"
    return ""


def outside_of(authority: Authority, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that the authority may not sign for."""
    try:
        limits = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return host_names(names)
    return tuple(name for name in host_names(names) if not _permits(limits.value, name))


def _permits(limits: x509.NameConstraints, name: str) -> bool:
    address = _address(name)
    for permitted in limits.permitted_subtrees or ():
        value = permitted.value
        if address is None:
            if isinstance(permitted, x509.DNSName) and (
                name == value or name.endswith(f".{value}")
            ):
                return True
        elif isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in value:
            return True
    return False


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _make(names: Sequence[str], why: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    user = f"{getpass.getuser()}@{socket.gethostname()}"
    words = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "edgezoo"),
        # 64 characters are what the standard allows.
        x509.NameAttribute(NameOID.COMMON_NAME, f"edgezoo {user} {now:%Y-%m-%d}"[:64]),
    ]
    subject = x509.Name(words)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    networks = [ipaddress.ip_network(each) for each in _PRIVATE]
    own = [host for host in host_names(names) if _address(host) is None]
    inside = [
        *(x509.DNSName(name) for name in dict.fromkeys(("localhost", *own))),
        *(x509.IPAddress(network) for network in networks),
    ]
    found = (_address(name) for name in host_names(names))
    for address in (each for each in found if each is not None):
        if not any(address in network for network in networks):
            inside.append(x509.IPAddress(ipaddress.ip_network(address)))
    limits = x509.NameConstraints(permitted_subtrees=inside, excluded_subtrees=None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(limits, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate=certificate, key=key, made=why)
