"""Unified kernel images, read back section by section."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pefile  # type: ignore[import-untyped]
import pytest

from imager import memory
from imager.archive import cpio
from imager.core import output
from imager.core.errors import ImagerError
from imager.initramfs import layer_archive
from imager.requests.packing import Uki
from imager.rootfs.root import Root
from imager.uki import layout, sections
from tests.support.imager import EPOCH, join, make_kernel, make_pe, make_system, output_of, read_sections
from tests.support.vm import require_tool

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "6.1.0-1-amd64"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "stub").write_bytes(make_pe())
    (tmp_path / "one").write_bytes(b"1" * 5001)
    (tmp_path / "two").write_bytes(b"2" * 4096)
    return make_system(tmp_path / "system")


def request(system: Path, **changes: object) -> Uki:
    home = system.parent
    values: dict[str, object] = {
        "system": str(system),
        "kernel_version": VERSION,
        "initrd": (str(home / "one"), str(home / "two")),
        "cmdline": "console=ttyS0 quiet",
        "stub": str(home / "stub"),
        "architecture": "amd64",
        "output": str(home / "uki.json"),
        "epoch": EPOCH,
    }
    return Uki(**{**values, **changes})  # type: ignore[arg-type]


def build(system: Path, **changes: object) -> bytes:
    return join(request(system, **changes), system.parent / "out.efi")


def test_every_section_is_there_in_order(system: Path) -> None:
    sections = read_sections(build(system, name="edge", version="1.0"))
    assert list(sections) == [".text", ".osrel", ".cmdline", ".uname", ".initrd", ".linux"]
    content = {name: data for name, (_, _, data) in sections.items()}
    assert content[".cmdline"] == b"console=ttyS0 quiet"
    assert content[".uname"] == VERSION.encode()
    assert content[".initrd"] == (b"1" * 5001).ljust(output.ALIGNMENT, b"\0") + b"2" * 4096
    assert content[".linux"] == make_kernel(VERSION)
    assert content[".osrel"] == b'ID=debian\nPRETTY_NAME="Debian 13"\nIMAGE_ID=edge\nIMAGE_VERSION=1.0\n'
    assert sections[".linux"][1] == 0x60000020
    assert {flags for name, (_, flags, _) in sections.items() if name not in (".linux", ".text")} == {0x40000040}


def test_without_os_release_the_rest_is_where_it_was(system: Path) -> None:
    with_it, without = (read_sections(build(system, os_release=each)) for each in (True, False))
    assert set(with_it) - set(without) == {".osrel"}
    assert with_it[".initrd"][2] == without[".initrd"][2]


def test_the_headers_agree_with_the_sections(system: Path) -> None:
    (system.parent / "stub").write_bytes(make_pe(symbols=b"S" * 180))
    data = build(system)
    layout = pefile.PE(data=data)
    assert [warning for warning in layout.get_warnings() if "makes up" not in warning] == []
    end = 0
    for section in layout.sections:
        assert section.VirtualAddress % 4096 == 0
        assert section.VirtualAddress >= end
        end = section.VirtualAddress + section.Misc_VirtualSize
    assert layout.OPTIONAL_HEADER.SizeOfImage == -(-end // 4096) * 4096
    assert layout.OPTIONAL_HEADER.CheckSum == 0
    assert layout.FILE_HEADER.PointerToSymbolTable == layout.FILE_HEADER.NumberOfSymbols == 0
    assert b"SSSS" not in data
    added = sum(section.SizeOfRawData for section in layout.sections[1:])
    assert layout.OPTIONAL_HEADER.SizeOfInitializedData == added
    assert len(data) == max(section.PointerToRawData + section.SizeOfRawData for section in layout.sections)


@pytest.mark.slow
def test_programs_that_sign_see_all_of_it(system: Path) -> None:
    """Between sections there must be nothing: it would not be part of every program's signature."""
    require_tool("openssl", "sbsign", "sbverify")
    build(system)
    home = system.parent

    def run(*argv: str) -> str:
        done = subprocess.run(argv, cwd=home, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    name = ("-subj", "/CN=test", "-days", "1")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "certificate", *name)
    said = run("sbsign", "--key", "key", "--cert", "certificate", "--output", "signed.efi", "out.efi")
    assert said.splitlines() == ["Signing Unsigned original image"]
    assert run("sbverify", "--cert", "certificate", "signed.efi").splitlines() == ["Signature verification OK"]
    data = bytearray((home / "signed.efi").read_bytes())
    for at in (data.index(b"console=ttyS0"), data.index(b"1" * 100), data.index(b"2" * 100), data.index(b"kkkk")):
        changed = data[:at] + b"x" + data[at + 1 :]
        (home / "changed.efi").write_bytes(changed)
        with pytest.raises(subprocess.CalledProcessError):
            run("sbverify", "--cert", "certificate", "changed.efi")


def test_microcode_goes_first_and_uncompressed(system: Path) -> None:
    for name in ("intel-ucode.img", "amd-ucode.img", "zz.cpio", "initrd.img"):
        (system / "boot" / name).write_bytes(b"070701" + name.encode())
    initrd = read_sections(build(system))[".initrd"][2]
    parts = [b"070701" + name for name in (b"amd-ucode.img", b"intel-ucode.img", b"zz.cpio")]
    padded = [part.ljust(output.ALIGNMENT, b"\0") for part in parts]
    assert initrd.startswith(b"".join(padded) + b"1")
    (system / "boot/amd-ucode.img").write_bytes(b"\x1f\x8b")
    with pytest.raises(ImagerError, match=r"^the microcode image /boot/amd-ucode.img must be an uncompressed cpio"):
        build(system)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel_version": "9.9"}, r"^the system has no kernel 9\.9; it has 6\.1\.0-1-amd64$"),
        ({"architecture": "arm64"}, r"^the kernel /boot/vmlinuz-6\S+ is for amd64: install an EFI kernel for arm64"),
        ({"cmdline": "a\nb"}, "must be one line"),
    ],
)
def test_what_does_not_fit_is_refused(system: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ImagerError, match=message):
        build(system, **changes)
    assert not (system.parent / "out.efi").exists()


def test_a_system_without_kernel_says_so(system: Path) -> None:
    (system / f"boot/vmlinuz-{VERSION}").unlink()
    with pytest.raises(ImagerError, match="it has none: install a kernel package"):
        build(system)


def test_a_kernel_without_efi_stub_is_refused(system: Path) -> None:
    (system / f"boot/vmlinuz-{VERSION}").write_bytes(b"\x1f\x8b gzip")
    with pytest.raises(ImagerError, match="has no EFI stub, which EFI firmware needs"):
        build(system)


def test_stubs_that_do_not_fit_are_refused(system: Path) -> None:
    stub = system.parent / "stub"
    for content, message in (
        (make_pe("arm64"), "is for arm64, but the architecture is amd64"),
        (b"ELF", "is not an EFI program"),
        (make_pe(room=0x200), "no room for more sections"),
    ):
        stub.write_bytes(content)
        with pytest.raises(ImagerError, match=message):
            build(system)


@pytest.mark.slow
def test_4_gib_are_refused(system: Path) -> None:
    with (system.parent / "two").open("wb") as file:
        file.truncate((1 << 32) - 20_000)
    with pytest.raises(ImagerError, match=r"with its section \.(initrd|linux) of \d+ bytes reaches the limit of 4 GiB"):
        build(system)


@pytest.mark.slow
def test_payloads_never_enter_memory(system: Path) -> None:
    with (system.parent / "two").open("wb") as file:
        file.truncate(48 << 20)
    code = (
        "import pathlib, sys; from imager.__main__ import main; assert main(sys.argv[1:]) == 0;"
        "print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    join(request(system), system.parent / "out.efi")
    for asked in (request(system), output_of(request(system), system.parent / "out.efi")):
        argv = [sys.executable, "-c", code, *asked.argv()]
        peak = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert int(peak) < 40 << 10
    assert (system.parent / "out.efi").stat().st_size > 48 << 20


def test_the_digest_sees_every_byte_and_no_path(system: Path) -> None:
    def digest(**changes: object) -> str:
        sections.run(request(system, **changes))
        return layout.load(str(system.parent / "uki.json")).digest

    known = digest()
    assert digest() == known
    assert digest(cmdline="console=ttyS0 quiex") != known
    (system.parent / "one").rename(system.parent / "other")
    assert digest(initrd=(str(system.parent / "other"), str(system.parent / "two"))) == known
    (system.parent / "one").write_bytes(b"1" * 2500 + b"2" + b"1" * 2500)
    assert digest() != known


def test_a_noted_digest_is_taken(system: Path) -> None:
    """Segments are big, and read once."""
    sections.run(request(system))
    known = layout.load(str(system.parent / "uki.json")).digest
    output.save_digest(str(system.parent / "one"), EPOCH)
    (system.parent / "one").write_bytes(b"x" * 5001)
    sections.run(request(system))
    assert layout.load(str(system.parent / "uki.json")).digest == known


def test_with_the_system_at_hand_nothing_is_copied_twice(system: Path) -> None:
    detached, head = build(system), system.parent / "uki.head"
    before = head.stat().st_size
    assert build(system, detached=False) == detached
    assert head.stat().st_size == before - len(make_kernel(VERSION))
    found = layout.load(str(system.parent / "uki.json"))
    assert str(system / f"boot/vmlinuz-{VERSION}") in {piece.path for piece in found.pieces}


def test_a_file_of_the_system_is_no_note_of_ours(system: Path) -> None:
    sections.run(request(system, detached=False))
    known = layout.load(str(system.parent / "uki.json")).digest
    (system / f"boot/vmlinuz-{VERSION}.sha256").write_text("not hex  vmlinuz\n")
    sections.run(request(system, detached=False))
    assert layout.load(str(system.parent / "uki.json")).digest == known


def test_the_big_pieces_stay_where_they_are(system: Path) -> None:
    sections.run(request(system))
    head = (system.parent / "uki.head").read_bytes()
    assert len(head) < output.ALIGNMENT + 5001 + len(make_kernel(VERSION))
    assert b"1" * 100 not in head
    assert b"2" * 100 not in head
    found = layout.load(str(system.parent / "uki.json"))
    assert {str(system.parent / name) for name in ("one", "two")} < {piece.path for piece in found.pieces}
    assert found.sections[".initrd"] == output.ALIGNMENT + 4096  # zeros follow the first, nothing the last
    places = [(piece.at, piece.size) for piece in found.pieces if piece.path.endswith(("one", "two"))]
    assert [at % output.ALIGNMENT for at, _ in places] == [0, 0]


def test_kernels_beside_their_modules_are_used(system: Path) -> None:
    (system / f"boot/vmlinuz-{VERSION}").rename(system / f"usr/lib/modules/{VERSION}/vmlinuz")
    place = sections.kernel(Root(system), VERSION, "amd64")
    assert place == system / f"usr/lib/modules/{VERSION}/vmlinuz"
    (count,) = struct.unpack_from("<H", build(system), 0x46)
    assert count == 6


def test_the_summary_has_the_memory_that_booting_needs(system: Path) -> None:
    kept, without = (request(system, unpacked=50 << 20, os_release=each) for each in (True, False))
    told = [sections._summary(each, 900 << 20, None) for each in (kept, without)]
    needed = [memory.required_ram("tmpfs", 900 << 20, 50 << 20, stub_adds=each) for each in (True, False)]
    assert [memory.format_size(size) in line for size, line in zip(needed, told, strict=True)] == [True, True]
    assert told[0] != told[1]
    measured = request(system, unpacked=50 << 20, os_release=False, pcr_key="/key")  # the stub adds its signatures
    assert sections._summary(measured, 900 << 20, None) == told[0]
    copied = request(system, unpacked=50 << 20, copied=True, layers=1, on_disk=True)
    layers = layout.Partition("", 8000 << 20, ())
    least = memory.format_size((900 + 8000 + 64 + 80 + 125) << 20)
    assert least in sections._summary(copied, 900 << 20, layers).rpartition("boots with")[2]


def test_a_layer_is_aligned(system: Path) -> None:
    """What goes right before it ends there; the kernel skips the zeros before that."""
    home = system.parent
    (home / "init").write_bytes(b"our init")
    for name, size in (("one", 5000), ("two", 4096)):
        (home / name).write_bytes(b"hsqs" + bytes(36) + struct.pack("<Q", size) + bytes(12_000) + cpio.TRAILER)
    for name in ("loop", "squashfs", "overlay"):
        (system / f"usr/lib/modules/{VERSION}/{name}.ko").write_bytes(b"module")
    deps = "".join(f"{name}.ko:\n" for name in ("loop", "squashfs", "overlay"))
    (system / f"usr/lib/modules/{VERSION}/modules.dep").write_text(deps)
    (system / "lib").symlink_to("usr/lib")
    initrd = read_sections(build(system, layers=2, init=str(home / "init")))[".initrd"][2]
    places = [at for at in range(0, len(initrd), output.ALIGNMENT) if initrd.startswith(b"hsqs", at)]
    assert len(places) == 2
    for number, at in enumerate(places):
        head = layer_archive.head(home / ("one", "two")[number], number, EPOCH)
        assert initrd[:at].endswith(b"\0" * 4 + head)
        assert head[110:].startswith(b".claylinux/layers/%d.img\0" % number)
    assert initrd.startswith(b"\x1f\x8b")
