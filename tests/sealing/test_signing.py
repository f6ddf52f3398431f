"""Seals by both algorithms: keys from files, signatures, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.sealing.line import TOWNSHIP, spiffe_of
from tests.sealing.seals import AUTHORITY, a_signer, write_pair
from tier.identity import signing, sm2
from tier.identity.signing import ED25519, SM2, PublicKey, SignatureWrong, Signer
from tier.sealing import note
from tier.sealing.note import Note

# GM/T 0003.5-2012, appendix A.2: the curve of the standard, the id 1234567812345678.
SM2_KEY = bytes.fromhex(
    "04"
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM2_SIGNATURE = bytes.fromhex(
    "3046"
    "022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
SM2_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its certificate, in files."""

    key: Path
    certificate: Path

    def load(self) -> Signer:
        return signing.load(self.key, self.certificate)


def an_sm2_pair(folder: Path) -> Pair:
    """Make an SM2 key with a certificate of the authority.

    The certificates library issues none: one for another curve is made, its key, which is
    as long, is exchanged, and the authority signs again.
    """
    point, scalar = import_module("gmssl_pyx").sm2_key_generate()
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    placeholder = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    issued = AUTHORITY.issue(spiffe_of(TOWNSHIP), other)
    body = issued.tbs_certificate_bytes.replace(placeholder, SM2_HEAD + b"\x04" + point)
    signature = AUTHORITY.key.sign(body, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    der = sequence(body + algorithm + tagged(0x03, b"\0" + signature))
    folder.mkdir()
    pair = Pair(folder / "seal.key", folder / "seal.crt")
    pair.certificate.write_bytes(
        x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    )
    private = sm2._PRIVATE + scalar + sm2._ITS_PUBLIC + b"\x04" + point  # noqa: SLF001
    pair.key.write_bytes(pem(private))
    return pair


def sequence(content: bytes) -> bytes:
    return tagged(0x30, content)


def tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = bytes([tag, size]) if size < 128 else bytes([tag, 0x82]) + size.to_bytes(2)
    return head + content


def pem(der: bytes) -> bytes:
    return (
        b"-----BEGIN PRIVATE KEY-----\n%s-----END PRIVATE KEY-----\n"
        % base64.encodebytes(der)
    )


def an_ed25519_pair(folder: Path) -> Pair:
    folder.mkdir()
    return Pair(*write_pair(AUTHORITY.seal(spiffe_of(TOWNSHIP)), folder))


@pytest.mark.parametrize(
    ("make", "name"), [(an_ed25519_pair, ED25519), (an_sm2_pair, SM2)]
)
def test_a_seal_from_files_signs_what_its_certificate_verifies(
    tmp_path: Path, make: Callable[[Path], Pair], name: str
) -> None:
    """Both algorithms behind one interface, in checkpoints and in cosignatures."""
    signer = make(tmp_path / "seal").load()
    certificate = x509.load_der_x509_certificate(signer.certificate)
    certificate.verify_directly_issued_by(AUTHORITY.certificate)
    key = signing.public_key(certificate)

    assert signer.algorithm == key.algorithm == name
    signature = signer.sign(b"text")
    signing.verify(certificate, name, signature, b"text")
    for wrong in ((name, signature, b"other"), (name, signature[:-1], b"text"),
                  (name, b"", b"text"), ("none", signature, b"text")):  # fmt: skip
        with pytest.raises(SignatureWrong):
            signing.verify(certificate, *wrong)
    lines = note.sign("t\n", "n", signer, key), note.cosign("t\n", "w", 7, signer, key)
    read = Note.parse(str(Note("t\n", lines)))
    read.check("n", key)
    assert read.check_cosigned("w", key) == 7
    with pytest.raises(SignatureWrong):
        read.check("w", key)


def test_the_signature_of_the_sm2_standard_verifies() -> None:
    key = PublicKey(SM2, SM2_KEY)

    key.verify(SM2_SIGNATURE, b"message digest")
    with pytest.raises(SignatureWrong):
        key.verify(SM2_SIGNATURE, b"message Digest")


def test_a_key_without_its_certificate_is_refused(tmp_path: Path) -> None:
    """Another node's key, a key that does not seal, a certificate that does not, no key."""
    pair, other = (an_ed25519_pair(tmp_path / name) for name in ("one", "other"))
    with pytest.raises(ValueError, match="another key"):
        signing.load(other.key, pair.certificate)
    tls = ec.generate_private_key(ec.SECP256R1())
    pair.key.write_bytes(
        tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    with pytest.raises(ValueError, match="seals"):
        pair.load()
    other.certificate.write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    with pytest.raises(SignatureWrong, match="seals nothing"):
        other.load()
    pair.key.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="PEM"):
        pair.load()


def test_an_sm2_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = (an_sm2_pair(tmp_path / name) for name in ("one", "other"))
    with pytest.raises(ValueError, match="another key"):
        signing.load(other.key, one.certificate)
    with pytest.raises(ValueError, match="another key"):
        signing.load(an_ed25519_pair(tmp_path / "third").key, one.certificate)


def test_an_sm2_key_in_an_extension_is_no_key() -> None:
    head = SM2_HEAD + b"\x04" + bytes(64)

    assert sm2.public_of(b"x" + head + b"y") == b"\x04" + bytes(64)
    assert sm2.public_of(head + head) is None
    assert sm2.public_of(head[:-1]) is None
    assert sm2.read_private(pem(bytes(138))) is None
    assert sm2.read_private(b"") is None


def test_a_signer_says_whose_it_is() -> None:
    signer = a_signer()

    assert (
        signing.public_key(x509.load_der_x509_certificate(signer.certificate))
        == signer.key
    )
