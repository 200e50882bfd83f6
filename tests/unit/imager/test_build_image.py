"""The options of `build-image`, and what it says about systems that do not boot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imager import build_image, target
from spec.formats import FORMATS
from tests.support.imager import EPOCH, make_kernel, make_pe, make_system, read_sections
from tests.support.secure_boot import make_signer, openssl
from tests.support.vm import require_tool


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stub and an init where the image has them."""
    (tmp_path / "stub").write_bytes(make_pe())
    (tmp_path / "init").write_bytes(b"init")
    own = target.Target(str(tmp_path / "init"), "", str(tmp_path / "stub"), "", "", "console=tty0", microcode=True)
    monkeypatch.setitem(target.TARGETS, "amd64", own)
    return tmp_path


def build(folder: Path, *words: str, system: Path | None = None, **environment: str) -> int:
    output = folder / "out/claylinux"
    words = ("--output", str(output), "--compression", "none", *words)
    return build_image.main(words, environment, str(system or folder / "system"))


def test_the_defaults_are_those_that_dockerfiles_expect() -> None:
    choice = build_image.parse_options((), {})
    assert (choice.path, choice.volume, choice.epoch) == ("/out/claylinux.img", "CLAYLINUX", 315532800)
    short = build_image.parse_options(
        ["-f", "iso", "-o", "x/y", "-v", "DATA", "-c", "xz:9"], {"SOURCE_DATE_EPOCH": "7"}
    )
    assert short == build_image.Options("iso", "x/y", "DATA", "xz:9", "auto", 7)
    assert short.path == "x/y.iso"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_made_alone_and_dated(parts: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    make_system(parts / "system")
    assert build(parts, "--format", name, SOURCE_DATE_EPOCH=str(EPOCH)) == 0
    (made,) = (parts / "out").iterdir()
    assert made.name == f"claylinux.{build_image.EXTENSIONS[name]}"
    assert made.stat().st_mtime == EPOCH
    assert "Linux 6.1.0-1-amd64 for amd64" in capfd.readouterr().out


def test_what_can_stop_the_boot_is_one_printable_line(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A name in fstab that is no UTF-8 gave a traceback, and one with escapes went to the terminal as it was."""
    lines = [
        b"/dev/\x1b[2J\xff /a ext4 defaults 0 0",
        *(b"/dev/x%d /x%d ext4 defaults 0 0" % (n, n) for n in range(40)),
    ]
    (make_system(parts / "system") / "etc/fstab").write_bytes(b"\n".join(lines) + b"\n")
    assert build(parts, "--format", "efi") == 0
    told = capfd.readouterr().err
    assert r"/dev/\x1b[2J\udcff" in told
    assert " more\n" in told and told.count("\n") == 1 and len(told) < 2000


def test_what_is_excluded_is_left_out(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    big = make_system(parts / "system") / "opt/big"
    big.mkdir(parents=True)
    (big / "x").write_bytes(os.urandom(1 << 20))
    assert build(parts, "--format", "efi") == 0
    whole = (parts / "out/claylinux.efi").stat().st_size
    assert build(parts, "--format", "efi", "--exclude", "/opt/big/", "--exclude", "*.pyc") == 0
    assert whole - (parts / "out/claylinux.efi").stat().st_size > 1 << 20
    assert "warning: nothing in the system matches *.pyc" in capfd.readouterr().out
    assert build(parts, "--exclude", "/*") == 2
    assert "matches everything: name at least a part of a path" in capfd.readouterr().err


def test_why_a_system_is_unpacked_is_told(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Only where it was not asked for."""
    make_system(parts / "system")
    why = " (the kernel has no module loop, squashfs, overlay, which overlay mode needs)"
    for words, told in (((), why), (("--rootfs", "tmpfs"), "")):
        assert build(parts, "--format", "efi", *words) == 0
        assert f"; rootfs mode tmpfs{told}: boots with about " in capfd.readouterr().out


def test_a_system_stays_on_the_disk(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where there is a disk, and a kernel that can: its modules are files of any content here."""
    require_tool("tar2sqfs")
    system = make_system(parts / "system")
    assert build(parts, "--rootfs", "disk") == 1
    assert "has no module dm_mod, dm_verity, squashfs, overlay, which disk mode needs" in capfd.readouterr().err
    assert build(parts, "--rootfs", "disk", "--format", "efi") == 2
    assert "--format efi has no disk for --rootfs disk: use raw, iso, " in capfd.readouterr().err
    modules = next((system / "usr/lib/modules").iterdir())
    names = ("dm-mod", "dm-verity", "squashfs", "overlay")
    (modules / "modules.dep").write_text("".join(f"{name}.ko:\n" for name in names))
    for name in names:
        (modules / f"{name}.ko").write_text(name)
    assert build(parts, "--rootfs", "disk", "--compression", "zstd:1") == 0
    assert "; rootfs mode overlay: boots with about " in capfd.readouterr().out
    assert "LAYERS".encode("utf-16-le") in (parts / "out/claylinux.img").read_bytes()[:2048]


@pytest.mark.slow
def test_an_image_is_signed(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The bytes of the program are those that `secure_boot` gives: tests/unit/imager/secureboot looks at them."""
    require_tool("sbverify")
    signer, pcr = make_signer(parts), make_signer(parts, "pcr")
    (parts / "stub").write_bytes(make_pe(room=0x1000))
    make_system(parts / "system")
    files = ("--secure-boot-key", str(signer.key), "--secure-boot-cert", str(signer.certificate))
    predicted, found = [], {}
    for more in ((), ("--secure-boot-pcr-key", str(pcr.key))):
        assert build(parts, "--format", "efi", *files, *more) == 0
        assert "signed by CN=db (certificate SHA-256 " in capfd.readouterr().out
        program, told = sorted((parts / "out").iterdir())
        assert (program.name, told.name) == ("claylinux.efi", "claylinux.efi.pcrs.json")
        subprocess.run(("sbverify", "--cert", str(signer.certificate), program), check=True, capture_output=True)
        predicted.append(json.loads(told.read_text())["phases"][""])
        found = read_sections(program.read_bytes())
    assert found[".pcrpkey"][2] == openssl("pkey", "-in", str(pcr.key), "-pubout")
    assert [entry["pcrs"] for entry in json.loads(found[".pcrsig"][2])["sha256"]] == [[11]] * 3
    assert predicted[0] != predicted[1]  # the key is measured


@pytest.mark.slow
def test_a_wrong_key_is_told_before_anything_is_packed(parts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_system(parts / "system")
    other = make_signer(parts, "other").key
    certificate = str(make_signer(parts).certificate)
    files = ("--secure-boot-cert", certificate, "--secure-boot-key")
    assert build(parts, *files, str(other)) == 1
    assert "build-image: error: `key`: it is not the key of the certificate CN=db" in capfd.readouterr().err
    assert build(parts, *files, str(parts / "db.key"), "--secure-boot-pcr-key", certificate) == 1
    assert "build-image: error: `pcr_key`: " in capfd.readouterr().err
    assert not (parts / "out").exists()


def test_what_is_in_an_image_is_listed_beside_it(parts: Path) -> None:
    system = make_system(parts / "system")
    database = system / "var/lib/dpkg/status"
    database.parent.mkdir(parents=True)
    database.write_text("Package: acme\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2\n\n")
    words = ["--output", str(parts / "out/edge"), "--compression=none", "--format=efi", "--sbom"]
    assert build_image.main(words, {"SOURCE_DATE_EPOCH": str(EPOCH)}, str(system), "4.5") == 0
    assert sorted(each.name for each in (parts / "out").iterdir()) == ["edge.efi", "edge.spdx.json"]
    found = json.loads((parts / "out/edge.spdx.json").read_text())
    assert (found["name"], found["creationInfo"]["creators"]) == ("edge", ["Tool: claylinux-4.5"])
    versions = {each["name"]: each.get("versionInfo") for each in found["packages"]}
    assert versions["acme"] == "1.2"
    assert {"linux", "systemd-stub", "claylinux-init"} <= set(versions)
    assert (parts / "out/edge.spdx.json").stat().st_mtime == EPOCH


def test_the_volume_has_its_label(parts: Path) -> None:
    make_system(parts / "system")
    assert build(parts, "--volume", "MY-SYSTEM") == 0
    assert b"MY-SYSTEM  FAT" in (parts / "out/claylinux.img").read_bytes()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, b"console=tty0"), ("\n quiet\n\nconsole=ttyS0\n", b"quiet console=ttyS0")],
    ids=["none", "lines"],
)
def test_the_command_line_comes_from_the_system(parts: Path, text: str | None, expected: bytes) -> None:
    system = make_system(parts / "system")
    if text is not None:
        (system / "boot/cmdline").write_text(text)
    assert build(parts, "--format", "efi") == 0
    assert b"\0" + expected + b"\0" in (parts / "out/claylinux.efi").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "vfat"), "invalid choice: 'vfat'"),
        (("--formats", "raw"), "unrecognized arguments: --formats"),
        (("--form", "iso"), "unrecognized arguments: --form"),
        (("--compression", "rar"), "unknown compression 'rar'"),
        (("--compression", "xz:10"), "the level of xz must be 0 to 9, for example xz:6; got '10'"),
        (("--output", "out/"), "'out/' has no file name"),
        (("surplus",), "unrecognized arguments: surplus"),
        (("--secure-boot-key", "x"), "--secure-boot-key and --secure-boot-cert go together"),
        (("--secure-boot-pcr-key", "x"), "--secure-boot-pcr-key needs --secure-boot-key and --secure-boot-cert"),
    ],
)
def test_a_wrong_option_is_named(
    tmp_path: Path, words: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert build(tmp_path, *words) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("build-image: error: ")
    assert said in line


def test_a_wrong_date_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for odd in ("yesterday", "-5", "2147483648", "9" * 5000, "٣"):
        assert build(tmp_path, SOURCE_DATE_EPOCH=odd) == 2
        problem = f"invalid SOURCE_DATE_EPOCH {odd!r}: expected seconds since 1970-01-01 from 0 to 2147483647"
        assert problem in capfd.readouterr().err


def without_init(system: Path) -> None:
    (system / "usr/sbin/init").unlink()


def without_kernel(system: Path) -> None:
    shutil.rmtree(system / "boot")


def with_two_kernels(system: Path) -> None:
    (system / "boot/vmlinuz-7").write_bytes(make_kernel("7.0.0"))


def with_another_machine(system: Path) -> None:
    (system / "boot/vmlinuz-6.1.0-1-amd64").write_bytes(make_kernel(architecture="arm64"))


def with_an_old_kernel(system: Path) -> None:
    (system / "boot/vmlinuz-6.1.0-1-amd64").write_bytes(b"no program")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (shutil.rmtree, "for example RUN --mount=from=STAGE,target="),
        (without_init, "no init (expected /sbin/init): install an init system"),
        (without_kernel, "no Linux kernel in /boot/vmlinu*"),
        (with_two_kernels, "2 kernels (6.1.0-1-amd64, 7.0.0): remove all but one"),
        (
            with_another_machine,
            "/sbin/init is for amd64, but the kernel is for arm64: install both",
        ),
        (with_an_old_kernel, "the kernel /boot/vmlinuz-6.1.0-1-amd64 has no EFI stub"),
    ],
)
def test_a_system_that_does_not_boot_is_explained(
    parts: Path, spoil: object, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    system = make_system(parts / "system")
    assert callable(spoil)
    spoil(system)
    assert build(parts) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("build-image: error: ")
    assert said in line
    assert not (parts / "out").exists()


def test_a_full_disk_says_what_to_do(
    parts: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make_system(parts / "system")

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert build(parts) == 1
    assert "no space left on the builder while writing" in capfd.readouterr().err
    assert list((parts / "out").iterdir()) == []
