"""tools/localvm: the QEMU command, the KVM decision, the console; a small program stands for QEMU."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from localvm import cli, host
from localvm.console import Console, running
from localvm.errors import ConsoleError, MissingToolError
from localvm.escapes import EscapeFilter
from localvm.machine import BUSES, TCG_CPU, Drive, Firmware, Machine, command_line

FIRMWARE = Firmware(Path("/fw/code.fd"), Path("/fw/vars.fd"))
SECONDS = 10.0


def devices(machine: Machine) -> list[str]:
    """The values of all -device flags but the random source."""
    words = command_line(machine, None)
    values = [value for flag, value in pairwise(words) if flag == "-device"]
    return [value for value in values if value != "virtio-rng-pci"]


def value_of(words: tuple[str, ...], flag: str) -> str:
    """The value of a flag that stands there once."""
    (at,) = [n for n, word in enumerate(words) if word == flag]
    return words[at + 1]


class TestCommandLine:
    def test_a_watchdog(self) -> None:
        assert (devices(Machine()), devices(Machine(watchdog=True))) == ([], ["i6300esb"])

    def test_a_disk_with_firmware(self) -> None:
        machine = Machine(drives=(Drive(path=Path("/x/hello.img")),))
        assert command_line(machine, FIRMWARE) == (
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", TCG_CPU),
            *("-smp", "1", "-m", "1024", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-device", "virtio-rng-pci"),
            *("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/fw/code.fd"),
            *("-drive", "if=pflash,unit=1,format=raw,snapshot=on,file=/fw/vars.fd"),
            *("-drive", "if=none,id=drive0,format=raw,file=/x/hello.img,snapshot=on"),
            *("-device", "virtio-blk-pci,drive=drive0"),
            *("-net", "none"),
        )

    def test_a_machine_of_another_architecture_is_emulated(self) -> None:
        words = command_line(Machine(kernel=Path("k.efi"), architecture="arm64", kvm=True), FIRMWARE)
        assert " ".join(words[:9]) == "qemu-system-aarch64 -machine virt -accel tcg -cpu cortex-a57 -smp 1"
        assert "-serial" in words and "if=pflash,unit=0,format=raw,readonly=on,file=/fw/code.fd" in words

    def test_firmware_with_keys_is_written_by_itself_only(self) -> None:
        words = " ".join(
            command_line(Machine(variables=Path("/keys.fd")), Firmware(Path("/code.fd"), Path("/keys.fd")))
        )
        assert words.startswith("qemu-system-x86_64 -machine q35,smm=on -accel tcg ")
        assert " -global driver=cfi.pflash01,property=secure,value=on " in words
        assert " -drive if=pflash,unit=1,format=raw,snapshot=on,file=/keys.fd " in words

    def test_a_kernel_without_firmware(self) -> None:
        machine = Machine(kernel=Path("k"), initrd=Path("i"), append="quiet", firmware=False, memory_mib=99, kvm=True)
        words = command_line(machine, FIRMWARE)
        assert [value_of(words, flag) for flag in ("-kernel", "-initrd", "-append", "-m", "-accel", "-cpu")] == [
            *("k", "i", "quiet", "99", "kvm", "host")
        ]
        assert "pflash" not in " ".join(words)

    @pytest.mark.parametrize(
        ("bus", "expected"),
        [
            ("virtio", ["virtio-blk-pci,drive=drive0"]),
            ("sata", ["ide-hd,drive=drive0,bus=ide.0"]),
            ("nvme", ["nvme,drive=drive0,serial=claylinux0"]),
            (
                "nvme-4k",
                ["nvme,drive=drive0,serial=claylinux0,logical_block_size=4096,physical_block_size=4096"],
            ),
            ("scsi", ["virtio-scsi-pci,id=scsi0", "scsi-hd,drive=drive0,bus=scsi0.0"]),
            ("usb", ["qemu-xhci,id=xhci0", "usb-storage,drive=drive0,bus=xhci0.0,removable=on"]),
            ("cdrom", ["ide-cd,drive=drive0,bus=ide.0"]),
            ("scsi-cdrom", ["virtio-scsi-pci,id=scsi0", "scsi-cd,drive=drive0,bus=scsi0.0"]),
        ],
    )
    def test_a_bus(self, bus: str, expected: list[str]) -> None:
        machine = Machine(drives=(Drive(path=Path("x"), bus=bus),))
        assert devices(machine) == expected
        drive = value_of(command_line(machine, None), "-drive")
        assert drive.endswith(",media=cdrom,readonly=on" if "cdrom" in bus else ",snapshot=on")

    def test_every_bus_is_tested(self) -> None:
        (mark,) = [m for m in self.test_a_bus.pytestmark if m.name == "parametrize"]  # type: ignore[attr-defined]
        assert [bus for bus, _ in mark.args[1]] == list(BUSES)

    def test_drives_do_not_share_names(self) -> None:
        two = Machine(drives=(Drive(path=Path("a"), bus="usb"), Drive(path=Path("b"), bus="usb")))
        assert devices(two)[2:] == ["qemu-xhci,id=xhci1", "usb-storage,drive=drive1,bus=xhci1.0,removable=on"]

    def test_a_comma_in_a_path_is_no_separator(self) -> None:
        machine = Machine(drives=(Drive(path=Path("/a,b.img"), format="qcow2"),))
        assert value_of(command_line(machine, None), "-drive").startswith(
            "if=none,id=drive0,format=qcow2,file=/a,,b.img,"
        )

    def test_forwarded_ports_are_on_loopback(self) -> None:
        words = command_line(Machine(network=True, forwards=((8080, 80), (2222, 22))), None)
        assert value_of(words, "-netdev") == (
            "user,id=net0,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:2222-:22"
        )
        assert "-net" not in words


class TestEscapes:
    TEXT = (
        "\x1b[0;1;31mred\x1b[0m \x1b[?25l\x1b[2J\x1b]0;title\x07\x1b]8;;x\x1b\\link"
        "\x1b(B\x1b=Hello\x1b>\x1bM\x1bc\x1bP+q544e\x1b\\\x1b[6 qend\r\n\0next"
    )
    CLEAN = "red linkHelloend\nnext"

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
    def test_pieces_of_any_size(self, size: int) -> None:
        escapes = EscapeFilter()
        pieces = [self.TEXT[at : at + size] for at in range(0, len(self.TEXT), size)]
        assert "".join(map(escapes.feed, pieces)) == self.CLEAN

    def test_what_can_be_read_does_not_wait(self) -> None:
        escapes = EscapeFilter()
        assert escapes.feed("login: \x1b[") == "login: "
        assert escapes.feed("0m") == ""

    def test_noise_does_not_swallow_text(self) -> None:
        escapes = EscapeFilter()
        assert escapes.feed("\x1b]never ended\n\x1b\x1b\nall of it\n") == "]never ended\n\nall of it\n"


@contextmanager
def console(program: str, echo: Callable[[str], None] | None = None) -> Iterator[Console]:
    """The console of a Python program."""
    words = [sys.executable, "-S", "-E", "-c", program]
    with subprocess.Popen(words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = Console(process, echo)
        try:
            yield found
        finally:
            found.stop()


class TestConsole:
    def test_a_talk(self) -> None:
        with console("print('login:', end='', flush=True); print('hi', input()); print('hi', input())") as guest:
            guest.expect("login:$", SECONDS)
            guest.send("ada\nbob\n")
            assert guest.expect(r"hi (\w+)\n", SECONDS)[1] == "ada"
            assert guest.expect(r"hi (\w+)\n", SECONDS)[1] == "bob", "a match is used once"
            assert guest.wait_off(SECONDS) == 0
            assert guest.text == "login:hi ada\nhi bob\n"

    def test_characters_and_sequences_cut_in_pieces(self) -> None:
        program = """
import sys, time
for byte in '\\x1b[1;31mgr\u00fc\u00dfe\\x1b[0m\\r\\n'.encode():
    sys.stdout.buffer.write(bytes([byte])); sys.stdout.flush(); time.sleep(0.002)
"""
        with console(program) as guest:
            assert guest.expect("^(.*)\n", SECONDS)[1] == "gr\u00fc\u00dfe"

    def test_echo_gets_what_the_guest_wrote(self) -> None:
        echoed: list[str] = []
        with console("print('\\x1b[1mbold', end='')", echoed.append) as guest:
            guest.wait_off(SECONDS)
        assert "".join(echoed) == "\x1b[1mbold"
        assert guest.text == "bold"

    def test_a_guest_that_ends_is_not_waited_for(self) -> None:
        began = time.monotonic()
        with console("print('last words')") as guest, pytest.raises(ConsoleError) as failure:
            guest.expect("login:", SECONDS)
        assert time.monotonic() - began < SECONDS
        assert str(failure.value) == (
            "waited for 'login:' on the console: the machine ended\n--- last lines of the console ---\nlast words\n---"
        )

    def test_a_guest_that_says_nothing(self) -> None:
        with console("input()") as guest:
            with pytest.raises(ConsoleError, match=r"waited for 'login:' on the console: no match in 0\.1 s"):
                guest.expect("login:", 0.1)
            with pytest.raises(ConsoleError, match=r"still on after 0\.1 s"):
                guest.wait_off(0.1)

    def test_the_exit_code_is_told(self) -> None:
        with console("raise SystemExit(7)") as guest:
            assert guest.wait_off(SECONDS) == 7

    def test_typing_to_a_machine_that_is_off(self) -> None:
        with console("") as guest:
            guest.wait_off(SECONDS)
            with pytest.raises(ConsoleError, match="cannot type 'x': the machine ended"):
                guest.send("x")

    def test_messages_show_only_the_end(self) -> None:
        with console("print(*range(1000), sep='\\n')") as guest:
            guest.wait_off(SECONDS)
        assert guest.tail().splitlines() == [
            "--- last lines of the console ---",
            *map(str, range(960, 1000)),
            "---",
        ]


@pytest.fixture
def fake_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a shell script the QEMU on PATH; it finds its own folder in $HERE."""

    def make(script: str) -> Path:
        program = tmp_path / "qemu-system-x86_64"
        program.write_text(f"#!/bin/sh\nHERE={tmp_path}\n{script}\n")
        program.chmod(0o755)
        return tmp_path

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(host, "KVM", tmp_path)
    return make


class TestHost:
    @pytest.mark.parametrize(
        ("script", "works"),
        [("echo SeaBIOS; exec sleep 60", True), ("exit 1", False), ("exec sleep 60", False)],
        ids=["speaks", "ends", "hangs"],
    )
    def test_kvm_is_what_runs_firmware(
        self, fake_qemu: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, script: str, works: bool
    ) -> None:
        monkeypatch.setattr(host, "KVM_SECONDS", SECONDS if works else 0.1)
        folder = fake_qemu(f'echo $$ "$@" > $HERE/started; {script}')
        assert host.kvm_works() is works
        # A busy machine may kill it before it gets there.
        if works:
            pid, *words = (folder / "started").read_text().split()
            assert words[:4] == ["-accel", "kvm", "-cpu", "host"]
            assert not Path("/proc", pid).exists()

    def test_no_device_no_kvm(self, fake_qemu: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        folder = fake_qemu("touch $HERE/started; echo SeaBIOS")
        monkeypatch.setattr(host, "KVM", folder / "nothing")
        assert not host.kvm_works()
        assert not (folder / "started").exists()

    def test_missing_programs_are_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert not host.kvm_works()
        with pytest.raises(MissingToolError, match="apt-get install qemu-system-x86 ovmf"), running(Machine()):
            pass


def test_a_machine_is_off_after_its_block(fake_qemu: Callable[[str], Path]) -> None:
    fake_qemu('echo "$$ $*"; exec sleep 60')
    with pytest.raises(ZeroDivisionError), running(Machine(firmware=False)) as guest:
        pid, words = guest.expect("^([0-9]+) (.*)\n", SECONDS).groups()
        raise ZeroDivisionError
    assert words.split() == list(command_line(Machine(firmware=False), None)[1:])
    assert not Path("/proc", pid).exists()


class TestRunVm:
    @pytest.fixture
    def image(self, fake_qemu: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = fake_qemu('echo "machine: $*"; echo login:; exec sleep 60')
        monkeypatch.setattr(host, "KVM", folder / "nothing")
        monkeypatch.setattr(host, "find_firmware", lambda architecture, variables: FIRMWARE)
        return folder / "hello.img"

    @pytest.mark.parametrize(
        ("name", "flags", "expected"),
        [
            ("a.img", [], "format=raw,file={},snapshot=on -device virtio-blk-pci"),
            ("a.img", ["--bus=nvme"], "format=raw,file={},snapshot=on -device nvme"),
            ("a.iso", [], "format=raw,file={},media=cdrom,readonly=on -device ide-cd"),
            ("a.iso", ["--bus=usb"], "format=raw,file={},snapshot=on -device qemu-xhci"),
            ("a.vhd", [], "format=vpc,file={},snapshot=on"),
            ("a.efi", ["--memory=2048"], "-m 2048"),
            ("a.efi", [], "-kernel {} -net none"),
            ("a.efi", ["--network"], "-netdev user,id=net0,restrict=on -device virtio-net-pci"),
            ("a.efi", ["--internet"], "-netdev user,id=net0 -device virtio-net-pci"),
            ("a.efi", ["--forward=8080:80"], "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:8080-:80 -device"),
            ("a.efi", ["--forward=8:9", "--listen=0.0.0.0"], "user,id=net0,restrict=on,hostfwd=tcp:0.0.0.0:8-:9 -dev"),
        ],
    )
    def test_an_image(
        self, image: Path, name: str, flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = image.with_name(name)
        path.touch()
        assert cli.main([str(path), "--until", "^login:$", *flags]) == 0
        shown = capsys.readouterr().out
        assert expected.format(path) in shown
        assert shown.endswith("run-vm: the guest showed '^login:$'; the machine is off\n")

    def test_a_word_that_never_comes(self, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
        image.touch()
        assert cli.main([str(image), "--until", "Login", "--timeout", "0.2"]) == 1
        assert "run-vm: waited for 'Login' on the console: no match in 0.2 s" in capsys.readouterr().err

    def test_an_image_that_is_not_there(self, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main([str(image), "--until", "x"]) == 1
        assert capsys.readouterr().err == f"\nrun-vm: there is no image {image}\n"

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--bus=floppy"], "argument --bus: invalid choice: 'floppy'"),
            (["--forward=80"], "argument --forward: '80' must be two ports, for example 8080:80"),
            (["--until=("], "argument --until: '(' is not a regular expression: missing ), unterminated subpattern"),
        ],
    )
    def test_wrong_usage(self, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as leaving:
            cli.main(["x.img", *flags])
        assert leaving.value.code == 2
        assert message in capsys.readouterr().err


def test_variables_go_with_firmware_that_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the machine's own architecture."""
    code = tmp_path / "AAVMF"
    code.touch()
    places = {"amd64": (str(tmp_path / "OVMF"),), "arm64": (str(tmp_path / "older"), str(code))}
    monkeypatch.setattr(host, "_VERIFYING", places)
    variables = tmp_path / "variables"
    assert host.find_firmware("arm64", variables) == Firmware(code, variables)
    with pytest.raises(MissingToolError, match=r"apt-get install ovmf$"):
        host.find_firmware("amd64", variables)
