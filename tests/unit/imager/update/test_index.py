"""The index of an update and its pieces, put together again as a machine does it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest

from imager.commands import perform
from imager.core import tools
from imager.core.errors import ImagerError
from imager.disk import efi
from imager.requests.outputs import Efi
from imager.requests.secureboot import Sign
from imager.requests.update import Keys, Pieces
from imager.update import index
from tests.support import fixed_key
from tests.support.imager import EPOCH
from tests.support.updates import ROOM, Pair, add_index, make_layout, make_pair
from tests.support.vm import require_tool

MIB = 1 << 20
SEGMENT = bytes(range(1, 256)) * 300


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    require_tool("openssl")
    return make_pair(tmp_path_factory.mktemp("keys"))


def whole(layout: Path) -> bytes:
    out = layout.parent / "whole.efi"
    efi.run(Efi(uki=str(layout), output=str(out), architecture="amd64", epoch=EPOCH))
    return out.read_bytes()


def lines(layout: Path) -> list[list[str]]:
    return [line.split() for line in layout.with_suffix(".pieces").read_text().splitlines()]


def listed(layout: Path) -> dict[str, tuple[int, int]]:
    return {words[1]: (int(words[2]), int(words[3])) for words in lines(layout) if words[0] == "piece"}


def publish(layout: Path, output: Path) -> Path:
    output.mkdir()
    perform(Pieces(uki=str(layout), output=str(output), epoch=EPOCH))
    return output


def test_the_index_describes_the_program(pair: Pair, tmp_path: Path) -> None:
    made = add_index(make_layout(tmp_path, segment=SEGMENT), pair, channel="edge")
    program = whole(made)
    facts = [words for words in lines(made) if words[0] != "piece"]
    assert facts == [
        ["claylinux-update", "1"],
        ["name", "web"],
        ["version", "1.4.0"],
        ["architecture", "amd64"],
        ["channel", "edge"],
        ["size", str(len(program))],
        ["sha256", hashlib.sha256(program).hexdigest()],
        ["space", str(64 * MIB)],
    ]
    rebuilt = bytearray(len(program))
    for digest, (at, size) in listed(made).items():
        piece = program[at : at + size]
        assert hashlib.sha256(piece).hexdigest() == digest
        rebuilt[at : at + size] = piece
    assert bytes(rebuilt) == program


def test_it_is_signed_for_openssl(pair: Pair, tmp_path: Path) -> None:
    made = add_index(make_layout(tmp_path, segment=SEGMENT), pair)
    signature, index = str(made.with_suffix(".sig")), str(made.with_suffix(".pieces"))
    words = ["openssl", "dgst", "-sha256", "-verify", str(pair.public), "-signature", signature, index]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0
    assert b"channel" not in made.with_suffix(".pieces").read_bytes()


@pytest.mark.slow
def test_it_says_who_signed_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the certificate there is padding, of any size."""
    monkeypatch.setattr(tools, "run", fixed_key.openssl)
    for name in ("d" * size for size in range(1, 9)):
        layout, signer = make_layout(tmp_path / name, segment=SEGMENT), fixed_key.signer(tmp_path, name)
        signed = tmp_path / name / "signed.json"
        key, certificate = str(signer.key), str(signer.certificate)
        perform(Sign(uki=str(layout), certificate=certificate, key=key, output=str(signed), epoch=EPOCH))
        own = Pair(signer.key, signer.certificate)
        told = [words[1] for words in lines(add_index(signed, own)) if words[0] == "certificate"]
        assert told == [base64.b64encode(fixed_key.certificate(name)).decode()]
        assert "certificate" not in {words[0] for words in lines(add_index(layout, own))}


def test_what_a_version_leaves_as_it_is_stays_a_piece(pair: Pair, tmp_path: Path) -> None:
    one = listed(add_index(make_layout(tmp_path / "1", segment=SEGMENT), pair))
    # The segment grows past a multiple of 64 KiB, so the kernel moves.
    other = add_index(make_layout(tmp_path / "2", segment=SEGMENT * 2, line="two"), pair, "1.4.1")
    new = {digest: place for digest, place in listed(other).items() if digest not in one}
    assert sorted(size for _, size in new.values()) == sorted([len("6.12") + 1024, len(SEGMENT * 2)])
    assert (0, ROOM - len(whole(other)[:ROOM]) + len(whole(other)[:ROOM].rstrip(b"\0"))) in listed(other).values()


def test_padding_is_no_content_and_short_texts_are_one_piece(pair: Pair, tmp_path: Path) -> None:
    made = add_index(make_layout(tmp_path, segment=SEGMENT), pair)
    places = sorted(listed(made).values())
    assert (90_000, 1028) in places
    assert (131_072 + 65_000, len(b"header of the segment")) in places
    assert len(places) == 6


def test_the_pieces_are_layers_without_a_trace_of_the_builder(pair: Pair, tmp_path: Path) -> None:
    made = add_index(make_layout(tmp_path, segment=SEGMENT), pair)
    out = publish(made, tmp_path / "out")
    expected = {f"{number}/pieces/{digest}" for number, digest in enumerate(listed(made))}
    files = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    assert set(files) == expected | {"last/update.pieces", "last/update.pieces.sig"}
    for name, path in files.items():
        if name in expected:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            assert (path.parent.stat().st_mode & 0o777, path.parent.stat().st_mtime) == (0o755, EPOCH)
        assert (path.stat().st_mode & 0o777, path.stat().st_mtime) == (0o644, EPOCH)


def test_a_piece_that_is_there_twice_is_one_layer(pair: Pair, tmp_path: Path) -> None:
    made = add_index(make_layout(tmp_path, segment=SEGMENT, kernel=SEGMENT), pair)
    assert sum(words[0] == "piece" for words in lines(made)) == len(listed(made)) + 1
    out = publish(made, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == [*map(str, range(len(listed(made)))), "last"]


def test_the_same_input_gives_the_same_bytes(pair: Pair, tmp_path: Path) -> None:
    one, two = (add_index(make_layout(tmp_path / name, segment=SEGMENT), pair) for name in "12")
    for ending in (".pieces", ".sig", ".loader"):
        assert one.with_suffix(ending).read_bytes() == two.with_suffix(ending).read_bytes()


@pytest.mark.slow
def test_a_space_that_does_not_suffice_is_told_with_one_that_does(pair: Pair, tmp_path: Path) -> None:
    layout = make_layout(tmp_path, segment=SEGMENT, kernel=bytes(40 << 20))
    with pytest.raises(ImagerError, match=r"update: `space` has 64M, but two versions of 40\.\dM .* at least 85M"):
        add_index(layout, pair, space=64 << 20)
    add_index(layout, pair, space=85 << 20)


@pytest.mark.slow  # makes keys
def test_another_key_than_the_one_that_machines_trust_is_refused(pair: Pair, tmp_path: Path) -> None:
    other = make_pair(tmp_path, "other")
    with pytest.raises(ImagerError, match="`update`: the private key that the build got is not that of its public"):
        perform(Keys(public=(str(pair.public),), key=str(other.key), output=str(tmp_path), epoch=EPOCH))
    perform(Keys(public=(str(pair.public), str(other.public)), key=str(pair.key), output=str(tmp_path), epoch=EPOCH))
    trusted = (tmp_path / "update.pem").read_bytes()
    assert trusted == pair.public.read_bytes() + other.public.read_bytes()
    layout = make_layout(tmp_path / "uki", segment=SEGMENT)
    (tmp_path / "first.pem").write_bytes(pair.public.read_bytes())
    with pytest.raises(ImagerError, match="machines do not trust the private key"):
        add_index(layout, pair, key=str(other.key), trusted=str(tmp_path / "first.pem"))


@pytest.mark.slow
def test_a_certificate_is_as_good_as_its_public_key(tmp_path: Path) -> None:
    from tests.support.secure_boot import make_signer, openssl

    signer = make_signer(tmp_path)
    perform(Keys(public=(str(signer.certificate),), key=str(signer.key), output=str(tmp_path), epoch=EPOCH))
    assert (tmp_path / "update.pem").read_bytes() == openssl("pkey", "-in", str(signer.key), "-pubout")


@pytest.mark.slow
def test_keys_that_cannot_be_used_are_told(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    short = make_pair(tmp_path, "short", bits=3072)
    curve = make_pair(tmp_path, "curve", "ED25519")
    for place, message in (
        (tmp_path / "empty", "`update`: expected a public key"),
        (pair.key, "`update`: there is a private key where a public one is expected"),
        (short.public, "this is RSA-3072"),
        (curve.public, "this is an Ed25519 key"),
        (tmp_path / "missing", "there is no file"),
    ):
        with pytest.raises(ImagerError, match=message):
            perform(Keys(public=(str(place),), output=str(tmp_path), epoch=EPOCH))


@pytest.mark.parametrize(
    ("wanted", "size", "found"),
    [
        (0, 1, 64 * MIB),
        (0, 20 * MIB, 75 * MIB),
        (0, 20 * MIB + 1, 76 * MIB),
        (44 * MIB, 20 * MIB, 44 * MIB),
        (44 * MIB + 1, 20 * MIB, 45 * MIB),
    ],
)
def test_how_much_room_new_versions_get(wanted: int, size: int, found: int) -> None:
    assert index._space(wanted, size) == found


def test_too_little_room_is_told_with_enough() -> None:
    with pytest.raises(ImagerError) as caught:
        index._space(44 * MIB - 1, 20 * MIB)
    assert str(caught.value) == (
        "update: `space` has 44M, but two versions of 20M have to find room: write at least 44M"
    )
