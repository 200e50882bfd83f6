"""What a right file means: values, defaults, short forms, positions."""

from __future__ import annotations

import dataclasses
import pkgutil
from importlib import import_module
from types import MappingProxyType

import pytest

import spec as model
from frontend.config import load
from spec.accounts import HashText, KeyText, User
from spec.base import ContextBase, ImageBase, PresetBase
from spec.document import Spec
from spec.files import CopiedFile, Directory, InlineFile, Symlink
from spec.kernel import Kernel
from spec.network import Dns
from spec.outputs import Output
from spec.positions import Position, Range
from spec.run import RunStep
from spec.services import ServiceSwitch
from spec.values.types import Owner

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl nobody@example"
HASH = "$6$saltsalt$" + "a" * 86


def spec(text: str, base: str = "base: debian\n") -> Spec:
    return load((base + text).encode(), "claylinux.yaml")


@pytest.mark.parametrize(
    ("tagged", "plain"),
    [
        ("version: !!str 1.0", "version: '1.0'"),
        ("version: !!float 1.0", "version: 1.0"),
        ("version: ! 1.0", "version: '1.0'"),
        ("users: [{name: a, uid: !!int 7, system: !!bool true}]", "users: [{name: a, uid: 7, system: true}]"),
        ("run: !!null", "run:"),
        ("packages: !!seq [a]", "packages: [a]"),
        ("kernel: !!map {cmdline: quiet}", "kernel: {cmdline: quiet}"),
    ],
)
def test_tags_that_say_what_a_value_is_anyway_are_fine(tagged: str, plain: str) -> None:
    assert spec(tagged) == spec(plain)


def test_only_the_base_is_needed() -> None:
    assert spec("") == Spec(
        base=PresetBase(preset="debian"), name="claylinux", outputs=(Output(format="raw", name="claylinux"),)
    )


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("base: debian-cloud", PresetBase(preset="debian-cloud")),
        ("base: {preset: debian}", PresetBase(preset="debian")),
        ("base: {image: debian:13}", ImageBase(image="debian:13")),
        ("base: {image: 'localhost:5000/a/b-c__d:V1@sha256:" + "0" * 64 + "'}",
         ImageBase(image="localhost:5000/a/b-c__d:V1@sha256:" + "0" * 64)),
        ("base: {context: rootfs}", ContextBase(context="rootfs")),
    ],
)  # fmt: skip
def test_bases(text: str, base: object) -> None:
    assert spec(text, base="").base == base


def test_files() -> None:
    files = spec(f"""\
files:
  /etc//motd/: "hi\\n"
  /etc/secret: {{content: x, mode: 0600, owner: 1000:adm}}
  /: {{source: ./rootfs/}}
  /opt: {{source: /, context: web, mode: "4755", owner: www-data}}
  /etc/localtime: {{symlink: ../usr/share/zoneinfo/UTC}}
  /srv/x: {{directory: true, mode: 0o750}}
  x-note: {KEY}
""").files
    assert dict(files) == {
        "/etc/motd": InlineFile(content="hi\n"),
        "/etc/secret": InlineFile(content="x", mode=0o600, owner=Owner(user=1000, group="adm")),
        "/": CopiedFile(source="rootfs"),
        "/opt": CopiedFile(source=".", context="web", mode=0o4755, owner=Owner(user="www-data")),
        "/etc/localtime": Symlink(target="../usr/share/zoneinfo/UTC"),
        "/srv/x": Directory(mode=0o750),
    }


def test_run_steps() -> None:
    steps = spec(
        "run:\n  - echo hi\n  - {script: make, name: build, network: none, env: {A: yes, B: 1.10, C: ''}}\n"
    ).run
    assert steps == (
        RunStep(script="echo hi"),
        RunStep(script="make", name="build", network="none", env={"A": "yes", "B": "1.10", "C": ""}),
    )


def test_users() -> None:
    users = spec(f"""\
users:
  - name: root
    password: '{HASH}'
    ssh_authorized_keys: ['from="10.0.0.0/8" {KEY}']
  - {{name: www, uid: 33, system: true, groups: [a, b], shell: /bin/sh, home: /srv, comment: "A b", password: "*"}}
  - {{name: x, password: null}}
""").users
    assert users == (
        User(
            name="root",
            password=HashText(hash=HASH),
            ssh_authorized_keys=(KeyText(line=f'from="10.0.0.0/8" {KEY}'),),
        ),
        User(
            name="www",
            uid=33,
            system=True,
            groups=("a", "b"),
            shell="/bin/sh",
            home="/srv",
            comment="A b",
            password=HashText(hash="*"),
        ),
        User(name="x"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "!",
        HASH,
        "!" + HASH,
        "$y$j9T$" + "a" * 22 + "$" + "b" * 43,
        "$5$rounds=5000$salt$" + "c" * 43,
        "$2b$12$" + "d" * 53,
        "$7$CU..../....abcdefgh$" + "e" * 43,
    ],
)
def test_passwords(text: str) -> None:
    assert spec(f"users: [{{name: a, password: '{text}'}}]").users[0].password == HashText(hash=text)


def test_names_on_the_network() -> None:
    read = spec("""\
name: edge
hostname: Web-01.example.org
hosts: {db.internal: 10.0.0.5, six: "2001:DB8:0::1"}
dns: {servers: [9.9.9.9, 'fe80::1%eth0'], search: [example.org]}
""")
    assert read.hostname == "Web-01.example.org"
    assert dict(read.hosts) == {"db.internal": "10.0.0.5", "six": "2001:db8::1"}
    assert read.dns == Dns(servers=("9.9.9.9", "fe80::1%eth0"), search=("example.org",))


def test_services_as_list_and_mapping() -> None:
    on, off = ServiceSwitch(start=True), ServiceSwitch(start=False)
    assert dict(spec("services: [nginx, getty@tty1.service]").services) == {"nginx": on, "getty@tty1.service": on}
    read = spec("services: {nginx: true, ssh: false, sshd: boot}", "base: alpine-virt\n").services
    assert dict(read) == {"nginx": on, "ssh": off, "sshd": ServiceSwitch(start="boot")}


def test_kernel() -> None:
    assert spec("kernel: {cmdline: quiet splash}").kernel == Kernel(cmdline=("quiet splash",))
    assert spec("kernel: {cmdline: ['console=ttyS0,115200', quiet], version: 6.12.48+deb13-amd64}").kernel == Kernel(
        cmdline=("console=ttyS0,115200", "quiet"), version="6.12.48+deb13-amd64"
    )


def test_outputs_take_the_name_of_the_system() -> None:
    outputs = spec("name: edge\noutputs: [raw, {format: iso, name: installer}, efi]").outputs
    assert [output.filename for output in outputs] == ["edge.img", "installer.iso", "edge.efi"]


def test_packages() -> None:
    packages = (
        "nginx",
        "g++",
        "libc6:arm64",
        "curl=8.14.1-2+deb13u2",
        "linux-image-amd64/trixie-backports",
        "py3~3.12",
    )
    assert spec(f"packages: [{', '.join(packages)}]").packages == packages


@pytest.mark.parametrize(
    ("written", "read"),
    [("yes", "yes"), ("no", "no"), ("on", "on"), ("1.10", "1.10"), ("0644", "0644"), ("true", "true"), ("1:30", "1:30"),
     ("2026-01-01", "2026-01-01"), ("0x10", "0x10"), ("!!str 5", "5"), ("'null'", "null"), ("=", "=")],
)  # fmt: skip
def test_a_text_is_what_was_written(written: str, read: str) -> None:
    assert spec(f"files: {{/a: {written}}}").files["/a"] == InlineFile(content=read)


def test_keys_without_values_are_empty_collections() -> None:
    assert spec("packages:\nfiles:\nrun:\nusers: ~\nhosts:\nservices:\nkernel:\ndns:\n") == dataclasses.replace(
        spec(""), dns=Dns()
    )


def test_anchors_merge_keys_and_extensions() -> None:
    read = spec("""\
x-defaults: &defaults {shell: /bin/sh, groups: [sudo]}
x-more: &more {shell: /bin/zsh, system: true, x-inner: 1}
users:
  - {<<: *defaults, name: a}
  - {<<: [*defaults, *more], name: b, groups: []}
  - &last {name: c, x-comment: mine}
""")
    assert read.users == (
        User(name="a", shell="/bin/sh", groups=("sudo",)),
        User(name="b", shell="/bin/sh", groups=(), system=True),
        User(name="c"),
    )


def test_a_name_with_x_is_a_name_where_names_are_free() -> None:
    assert dict(spec("hosts: {x-ray: 10.0.0.1}\nservices: [x-ray]").hosts) == {"x-ray": "10.0.0.1"}


def test_windows_line_ends_are_line_ends() -> None:
    assert load(b"base: debian\r\nname: edge\r\n", "f").name == "edge"


def test_a_spec_cannot_be_changed() -> None:
    read = spec("files: {/a: x}\nhosts: {a: 10.0.0.1}\nservices: [a]")
    for mapping in (read.files, read.hosts, read.services, RunStep(script="x").env, Spec(base=read.base).files):
        assert isinstance(mapping, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.name = "other"  # type: ignore[misc]


def test_every_model_class_is_frozen_with_slots_and_keywords() -> None:
    classes = [
        each
        for module in pkgutil.iter_modules(model.__path__, "spec.")
        for each in vars(import_module(module.name)).values()
        if isinstance(each, type)
        and dataclasses.is_dataclass(each)
        and any("key" in field.metadata for field in dataclasses.fields(each))
    ]
    assert len(classes) > 10
    for each in classes:
        assert vars(each)["__dataclass_params__"].frozen, each
        assert "__slots__" in vars(each), each
        assert all(field.kw_only for field in dataclasses.fields(each)), each


def at(line: int, column: int, end_line: int, end_column: int) -> Range:
    return Range(Position(line, column), Position(end_line, end_column))


TEXT = """\
base: {image: debian:13}
run:
  - echo é; false
  - name: second
    script: |
      one
      two

# a comment

files:
  /etc//motd: "x"   # trailing
  /etc/ssh: {source: ssh}
users: [
  {name: a}
]
outputs: [raw]
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("base",), at(1, 7, 1, 25)),
        (("base", "image"), at(1, 15, 1, 24)),
        (("run",), at(3, 3, 7, 10)),
        (("run", 0), at(3, 5, 3, 18)),
        (("run", 1), at(4, 5, 7, 10)),
        (("run", 1, "script"), at(5, 13, 7, 10)),
        (("run", 1, "network"), at(4, 5, 7, 10)),
        (("run", 7, "name"), at(3, 3, 7, 10)),
        (("files", "/etc/motd"), at(12, 15, 12, 18)),
        (("files", "/etc/motd", "mode"), at(12, 15, 12, 18)),
        (("users",), at(14, 8, 16, 2)),
        (("users", 0, "name"), at(15, 10, 15, 11)),
        (("outputs", 0), at(17, 11, 17, 14)),
        ((), at(1, 1, 17, 15)),
        (("hosts", "x"), at(1, 1, 17, 15)),
    ],
)
def test_positions_of_values(path: tuple[str | int, ...], place: Range) -> None:
    assert load(TEXT.encode(), "f").positions.of(*path) == place


def test_positions_of_keys() -> None:
    positions = load(TEXT.encode(), "f").positions
    assert positions.key("files", "/etc/motd") == at(12, 3, 12, 13)
    assert positions.key("run") == at(2, 1, 2, 4)
    assert positions.key("run", 1, "script") == at(5, 5, 5, 11)
    assert positions.key("files", "/none") == positions.of("files")


def test_a_spec_without_file_has_positions_too() -> None:
    assert Spec(base=ImageBase(image="x")).positions.of("run", 3) == at(1, 1, 1, 1)
