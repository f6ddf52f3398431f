"""Notes as others write them: the vectors of Go's sumdb and of C2SP, then our own."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sealing.seals import a_signer
from tier.identity.signing import ED25519, PublicKey, SignatureWrong
from tier.sealing import note
from tier.sealing.note import Beacon, Checkpoint, Line, Note, NoteWrong

GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    f"{GO_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FF"
    "YC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_KEY = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
SUMDB_NOTE = (
    "go.sum database tree\n13485\n/ZWur4obeiqK+ASdnPK+/Rmz6LPQMUeSmHh0+UkL54Y=\n\n"
    "— sum.golang.org Az3grnQReYTvpCrRxT+w50vixbqBlB/aPS8bL8f8KW4HHP+UjLSXOJgCh4f54n8hO6lr"
    "ESglzyRXMXnhaWzaeY3zqw8=\n"
)
SUMDB_KEY = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# c2sp.org/tlog-cosignature, section Format; its keys are not published.
SPEC_NOTE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
    "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlr"
    "DJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
# A witness's key of type 0x04, with its id, from the tests of transparency-dev/formats.
REMORA = ("remora.n621.de", "da77ade7", "BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")


def key_of(encoded: str) -> PublicKey:
    return PublicKey(ED25519, base64.b64decode(encoded)[1:])


def test_a_note_of_go_is_read_and_verified_and_written_again() -> None:
    read = Note.parse(GO_NOTE)

    read.check("PeterNeumann", key_of(GO_KEY))
    assert str(read) == GO_NOTE
    assert read.text == GO_TEXT


def test_we_sign_the_note_of_go_byte_for_byte() -> None:
    """Ed25519 is deterministic: the same seed and text give the published line."""
    signer = a_signer(seed=base64.b64decode(GO_SEED)[1:])

    line = note.sign(GO_TEXT, "PeterNeumann", signer, signer.key)
    assert str(Note(GO_TEXT, (line,))) == GO_NOTE


def test_a_checkpoint_of_the_go_checksum_database_is_verified() -> None:
    read = Note.parse(SUMDB_NOTE)

    read.check("sum.golang.org", key_of(SUMDB_KEY))
    origin, size, root, extensions = note.parse_head(read.text)
    assert (origin, size, extensions) == ("go.sum database tree", 13485, [])
    assert len(root) == 32


def test_the_cosigned_example_of_the_specification_is_framed_as_it_says() -> None:
    read = Note.parse(SPEC_NOTE)

    assert str(read) == SPEC_NOTE
    witness = read.lines[1]
    assert witness.name == "witness.example.com/w1"
    assert int.from_bytes(witness.signature[:8]) == 1679315147
    assert len(witness.signature) == 72


def test_the_key_id_of_a_known_witness_is_the_published_one() -> None:
    name, key_id, key = REMORA

    assert note.cosigner_key_id(name, key_of(key)).hex() == key_id


def test_a_changed_text_or_signature_is_refused() -> None:
    read = Note.parse(GO_NOTE)
    key = key_of(GO_KEY)

    with pytest.raises(SignatureWrong):
        replace(read, text=read.text.replace("problem", "Problem")).check(
            "PeterNeumann", key
        )
    line = read.lines[0]
    cut = replace(line, signature=line.signature[:-1] + b"\0")
    with pytest.raises(SignatureWrong):
        Note(read.text, (cut,)).check("PeterNeumann", key)
    with pytest.raises(SignatureWrong):
        read.check("Somebody", key)


def test_lines_of_unknown_keys_are_ignored() -> None:
    read = Note.parse(GO_NOTE)
    stranger = Line("stranger", b"1234", b"nothing at all")
    namesake = Line("PeterNeumann", b"1234", b"nothing at all")

    Note(read.text, (stranger, namesake, *read.lines)).check(
        "PeterNeumann", key_of(GO_KEY)
    )
    with pytest.raises(SignatureWrong):
        Note(read.text, (stranger, namesake)).check("PeterNeumann", key_of(GO_KEY))


def test_a_cosignature_is_no_signature_of_a_log_and_the_other_way_round() -> None:
    signer = a_signer()
    text = a_checkpoint().text()
    log = note.sign(text, "n", signer, signer.key)
    witness = note.cosign(text, "n", 1_700_000_000, signer, signer.key)

    both = Note(text, (log, witness))
    both.check("n", signer.key)
    assert both.check_cosigned("n", signer.key) == 1_700_000_000
    with pytest.raises(SignatureWrong):
        Note(text, (witness,)).check("n", signer.key)
    with pytest.raises(SignatureWrong):
        Note(text, (log,)).check_cosigned("n", signer.key)


def test_a_cosignature_covers_its_time_and_the_extension_lines() -> None:
    signer = a_signer()
    text = a_checkpoint().text()
    line = note.cosign(text, "w", 1_700_000_000, signer, signer.key)
    later = replace(line, signature=(1_700_000_001).to_bytes(8) + line.signature[8:])

    for wrong in (
        Note(text, (later,)),
        Note(text.replace("life 2", "life 3"), (line,)),
    ):
        with pytest.raises(SignatureWrong):
            wrong.check_cosigned("w", signer.key)


def a_checkpoint() -> Checkpoint:
    beacon = Beacon("d/city/53/5301/c/1", 7, b"b" * 32)
    return Checkpoint(
        "d/county/53/5301/530102/n/2", 12, b"r" * 32, 5, "sm3", 2, b"x" * 32, beacon
    )


HASH = st.binary(min_size=32, max_size=32)
NUMBER = st.integers(0, note.LAST_NUMBER)
NAME = st.text("abcdefghij/.0123456789-", min_size=1, max_size=60)
BEACON = st.none() | st.builds(Beacon, NAME, NUMBER, HASH)
CHECKPOINT = st.builds(
    Checkpoint, NAME, NUMBER, HASH, NUMBER, st.sampled_from(["sha256", "sm3"]), NUMBER,
    st.just(b"") | HASH, BEACON,
)  # fmt: skip


@given(CHECKPOINT)
def test_a_checkpoint_is_read_as_it_was_written(made: Checkpoint) -> None:
    text = made.text()

    assert Checkpoint.parse(text) == made
    assert Checkpoint.parse(f"{text}later a line that we do not know\n") == made


@pytest.mark.parametrize(
    "wrong",
    [
        "", "no signature\n", "text\n\n", "text\n\n— name\n", "text\n\n— name QUJD\n",
        "text\n\n- name QUJDREVGR0g=\n", "text\n\n— na+me QUJDREVGR0g=\n",
        "text\n\n— name QUJDREVGR0g\n", "text\n\n— name QUJDREVGR0h=\n",
        "text\n\n— name QUJDREVGR0g=", "te\rxt\n\n— name QUJDREVGR0g=\n",
        "te\0xt\n\n— name QUJDREVGR0g=\n", "x" * 20_000 + "\n\n— name QUJDREVGR0g=\n",
        "text\n\n" + "— name QUJDREVGR0g=\n" * 33,
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(wrong: str) -> None:
    with pytest.raises(NoteWrong):
        Note.parse(wrong)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("12\n", "012\n"), ("12\n", "-12\n"), ("12\n", "１２\n"), ("12\n", f"{2**63}\n"),
        ("digest sm3\n", "digest md5\n"), ("digest sm3\n", ""), ("time 5\n", "time 5\ntime 6\n"),
        ("time 5\n", "time x\n"), ("life 2 ", "life two "), (" 7 ", " 7 8 "), ("cnJy", "cn"),
        ("time 5\n", "\n"), ("time 5\n", "time " + "9" * 5000 + "\n"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(line: str, instead: str) -> None:
    text = a_checkpoint().text()
    assert line in text

    with pytest.raises(NoteWrong):
        Checkpoint.parse(text.replace(line, instead, 1))


@given(
    st.text(max_size=300)
    | st.just(GO_NOTE).flatmap(lambda n: st.integers(0, len(n)).map(lambda at: n[:at]))
)
def test_any_text_is_a_note_or_refused(text: str) -> None:
    try:
        read = Note.parse(text)
    except NoteWrong:
        return
    assert str(read) == text
