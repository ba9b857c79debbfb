"""The user's own certificate authority: kept private, limited, renewed."""

from __future__ import annotations

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("trustme", reason="needs the extra serve")

from cryptography import x509

from zoo.server import authority
from zoo.server.authority import authority_file, authority_for, host_names, outside_of

NAMES = ("192.168.1.5", "box", "box.local")

pytestmark = pytest.mark.usefixtures("own_home")


def test_it_is_made_once_and_kept_private() -> None:
    first = authority_for(NAMES)
    assert first.made == "there was none"
    file = authority_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    again = authority_for(NAMES)
    assert again.made == ""
    assert again.fingerprint == first.fingerprint
    assert len(first.fingerprint.split(":")) == 32


def test_it_may_sign_for_private_networks_and_this_machine_alone() -> None:
    made = authority_for((*NAMES, "198.51.100.7"))
    assert outside_of(made, ["10.1.2.3", "172.20.0.1", "box", "198.51.100.7"]) == ()
    others = ["8.8.8.8", "198.51.100.8", "example.org", "otherbox", "2001:db8::1"]
    assert outside_of(made, others) == tuple(others)
    constraints = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_a_certificate_of_this_machine_ends_with_it_and_holds_all_names() -> None:
    made = authority_for(NAMES)
    leaf = x509.load_pem_x509_certificate(made.sign(NAMES).cert_chain_pems[0].bytes())
    leaf.verify_directly_issued_by(made.certificate)
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert held.get_values_for_type(x509.DNSName) == ["box", "box.local"]
    assert held.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("192.168.1.5")]
    assert leaf.not_valid_after_utc == made.ends
    # Apple's systems take no certificate of a server that is valid for longer.
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=825)


def test_names_that_no_certificate_can_hold_are_left_out() -> None:
    assert host_names(["My_Box", "box", "BOX2.lan", "a b", "10.0.0.1", "-x"]) == (
        *("box", "box2.lan", "10.0.0.1"),
    )


def spoilt(file: Path) -> None:
    file.write_bytes(b"garbage")


def readable(file: Path) -> None:
    file.chmod(0o644)


def foreign(file: Path) -> None:
    # The key of one authority beside the certificate of another.
    held = file.read_bytes()
    authority_for(NAMES, renew=True)
    key, mark, _ = held.partition(b"-----BEGIN CERT")
    _, _, certificate = file.read_bytes().partition(mark)
    file.write_bytes(key + mark + certificate)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoilt, "cannot be read"),
        (readable, "others could read the key"),
        (foreign, "do not belong together"),
    ],
)
def test_one_that_cannot_be_trusted_is_replaced(spoil, why) -> None:
    first = authority_for(NAMES)
    spoil(authority_file())
    again = authority_for(NAMES)
    assert why in again.made
    assert again.fingerprint != first.fingerprint
    assert stat.S_IMODE(authority_file().stat().st_mode) == 0o600


def test_it_is_renewed_when_it_ends_when_addresses_leave_it_and_when_asked(monkeypatch) -> None:
    first = authority_for(NAMES)
    assert "may not sign for 203.0.113.9" in authority_for((*NAMES, "203.0.113.9")).made
    assert authority_for(NAMES, renew=True).made == "another was asked for"

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(days=days)

    monkeypatch.setattr(authority, "datetime", Later)
    days = authority.DAYS - 8
    assert authority_for(NAMES).made == ""
    days = authority.DAYS - 3
    assert "the one before expires on" in authority_for(NAMES).made
    days = 3 * authority.DAYS
    assert "the one before expired on" in authority_for(NAMES).made
    assert authority_for(NAMES).fingerprint != first.fingerprint
