"""`claylinux update` with a registry, which may be hostile."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.guest_programs import GUEST, SHELLS
from tests.support.update_guest import ARCHITECTURE, Keys, UpdateGuest, Version
from tests.support.update_server import Shop

OLD = Version("1.4.0", (b"head" * 100, b"kernel" * 5_000, 16, b"tail"))
NEW = Version("1.5.0", (b"HEAD" * 100, b"kernel" * 5_000, 16, b"TAIL"))
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Registry:
    """What a registry has and says, on a shop. `squeeze` makes the layers of their archives."""

    shop: Shop
    key: Keys
    tmp_path: Path
    squeeze: Callable[[bytes], bytes] = lambda content: gzip.compress(content, mtime=0)
    files: dict[str, bytes] = field(default_factory=dict)
    token: str = ""
    realm: str = ""
    headers: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shop.answer = self._answer

    def push(self, version: Version, tag: str = "stable", *, layers: int = 99, many: bool = True) -> None:
        """Push a version as buildx does: with an index of manifests, of which one says how it was built."""
        tree = self.tmp_path / "pushed"
        version.publish(tree, self.key)
        contents = [{f"pieces/{digest}": content} for digest, content in version.pieces.items()]
        contents.append({name: (tree / name).read_bytes() for name in ("update.pieces", "update.pieces.sig")})
        described = [self._add(self.squeeze(archive(each))) for each in contents[:layers]]
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": self._add(b"{}"), "layers": described}
        data = json.dumps(manifest, indent=3).encode()
        if many:
            other = self._add(b'{"layers": []}') | {"platform": {"architecture": "unknown", "os": "unknown"}}
            ours = self._add(data) | {"platform": {"os": "linux", "architecture": ARCHITECTURE}}
            self.files[f"manifests/{ours['digest']}"] = data
            data = json.dumps(
                {"mediaType": INDEX, "annotations": {"a/b": "], }, \\"}, "manifests": [other, ours]}
            ).encode()
        self.files[f"manifests/{tag}"] = data

    def _add(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.files[f"blobs/{digest}"] = content
        return {"digest": digest, "size": len(content), "mediaType": "x"}

    def _answer(self, handler: Any) -> bool:
        address, authorization = urlsplit(handler.path), handler.headers.get("Authorization")
        name = address.path.removeprefix("/v2/acme/web/")
        if address.path == "/token":
            asked = {key: value[0] for key, value in parse_qs(address.query).items()}
            assert asked == {"service": "the registry", "scope": "repository:acme/web:pull"}
            handler.say(200, json.dumps({"expires_in": 60, "token": self.token}).encode())
            return True
        if name not in self.files:
            return False
        self.headers.append(authorization)
        if self.token and authorization != f"Bearer {self.token}":
            realm = self.realm or f"{self.shop.url}/token"
            challenge = f'Bearer realm="{realm}",service="the registry",scope="repository:acme/web:pull,push"'
            handler.say(401, b"", {"WWW-Authenticate": challenge})
        else:
            handler.send(self.files[name])
        return True


def archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, keys: tuple[Keys, Keys], tmp_path: Path, shop: Shop) -> UpdateGuest:
    address = f"oci://127.0.0.1:{shop.server_port}/acme/web"
    made = UpdateGuest(tmp_path / "guest", request.param, keys[0], {"update_from": address})
    made.runs(OLD)
    return made


@pytest.fixture
def registry(shop: Shop, keys: tuple[Keys, Keys], tmp_path: Path) -> Registry:
    return Registry(shop, keys[0], tmp_path)


def refuse(guest: UpdateGuest, reason: str, *words: str) -> None:
    done = guest.update(*words)
    assert (done.code, done.err.count("\n")) == (1, 1), done.err
    assert reason in done.err
    assert [name for name in guest.versions() if name.endswith(".efi")] == []


def test_only_what_changed_is_fetched(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW)
    done = guest.update()
    assert (done.code, done.err) == (0, "")
    assert guest.files()["EFI/Linux/web_1.5.0+3.efi"] == NEW.content
    assert [path.split("/")[4] for path, _ in registry.shop.asked] == ["manifests"] * 2 + ["blobs"] * 3
    assert set(registry.headers) == {None}


@pytest.mark.parametrize("how", ["none", "zstd"])
@pytest.mark.slow
def test_kinds_of_layers(guest: UpdateGuest, registry: Registry, how: str) -> None:
    registry.squeeze = bytes if how == "none" else squeeze_by_zstd
    registry.push(NEW, many=False)
    if how == "zstd":
        (guest.place / "bin/zstd").write_text("#!/bin/sh\nexit 127\n")
        done = guest.run("command() { false; }; subject=update; update_command")
        assert "its layers need zstd: add it to `packages`, or build with compression=gzip" in done.err
    assert guest.run('rm -f "$proc/../bin/zstd"; hash -r; update_command').code == 0
    assert guest.files()["EFI/Linux/web_1.5.0+3.efi"] == NEW.content


def squeeze_by_zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True).stdout


@pytest.mark.slow
def test_tags(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW, "beta")
    registry.push(Version("1.6.0", NEW.parts), "1.6.0")
    refuse(guest, "127.0.0.1:")
    guest.settings["update_channel"] = "beta"
    assert guest.update("--to", "1.6.0").code == 0
    assert guest.update("--from", f"{guest.settings['update_from']}:1.6.0").code == 0
    assert guest.versions() == ["web_1.6.0+3.efi"]


@pytest.mark.slow
def test_tokens(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW)
    registry.token = "ey.J-_~+/=="
    assert guest.update().code == 0
    assert registry.headers[:2] == [None, f"Bearer {registry.token}"]
    assert oct((guest.place / "work").stat().st_mode)[-3:] == "700"


@pytest.mark.slow
def test_tokens_for_a_login(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW)
    registry.token = "token"
    registry.realm = f"{registry.shop.url}/other"
    refuse(guest, "/other: there is no such file")
    registry.realm = "http://auth.example/token"
    refuse(guest, "it wants a token of http://auth.example/token, which is no https://")
    registry.realm, registry.token = "", 'a"; rm -rf /'
    refuse(guest, "its answer has no token")
    (guest.place / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    registry.token = "token"
    assert guest.update().code == 0


@pytest.mark.slow
def test_other_hosts_get_no_token(guest: UpdateGuest, registry: Registry, tmp_path: Path) -> None:
    registry.push(NEW)
    registry.token = "token"
    seen: list[str | None] = []

    def answer(handler: Any) -> bool:
        if handler.path.startswith("/v2/acme/web/blobs/"):
            place = f"http://localhost:{registry.shop.server_port}/elsewhere/{handler.path.rpartition('/')[2]}"
            handler.say(307, b"", {"Location": place})
            return True
        if handler.path.startswith("/elsewhere/"):
            seen.append(handler.headers.get("Authorization"))
            handler.send(registry.files[f"blobs/{handler.path.rpartition('/')[2]}"])
            return True
        return registry._answer(handler)

    registry.shop.answer = answer
    done = guest.update()
    assert done.code == 0, done.err
    assert seen == [None] * 3


@pytest.mark.slow
def test_damaged_layers(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW, many=False)
    registry.shop.faults.flip = "/blobs/"
    refuse(guest, "a layer arrived damaged")
    registry.shop.faults.flip = ""
    registry.shop.faults.endless = "/blobs/"
    refuse(guest, "it is larger than the")
    registry.shop.faults.endless = ""
    registry.shop.faults.cut, registry.shop.faults.cuts = "/blobs/", 3
    assert guest.update().code == 0


@pytest.mark.slow
def test_layers_that_are_not_those_of_the_index(
    guest: UpdateGuest, registry: Registry, keys: tuple[Keys, Keys]
) -> None:
    registry.push(NEW, layers=2)
    refuse(guest, "has no signature by a key of this system")
    registry.key = keys[1]
    registry.push(NEW)
    refuse(guest, "has no signature by a key of this system")
    registry.key = keys[0]
    registry.push(NEW, many=False)
    manifest = json.loads(registry.files["manifests/stable"])
    first, *rest = manifest["layers"]
    for layers, reason in (
        ([first, first, *rest], "its layers are not those of its index"),
        ([rest[0], first, *rest[1:]], "arrived damaged"),
        ([first | {"digest": rest[0]["digest"]}, *rest], "it is larger than"),
        ([first | {"size": 1 << 40}, *rest], "a layer has 1099511627776 bytes, where at most"),
        ([*rest[:1], first | {"digest": "sha256:../../x"}, rest[1]], "has no signature"),
        ([], "is no image that we can read"),
        ("x", "is no image that we can read"),
    ):
        registry.files["manifests/stable"] = json.dumps(manifest | {"layers": layers}).encode()
        refuse(guest, reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no image that we can read"),
        (b"<html>", "is no image that we can read"),
        (b"[" * 100_000, "is no image that we can read"),
        (b'{"layers": [{"digest": "sha256:$(touch x)", "size": 5}]}', "is no image that we can read"),
        (b'{"layers/0/digest": "sha256:' + b"0" * 64 + b'", "layers/0/size": 5}', "is no image that we can read"),
        (b'{"manifests": [{"digest": "sha256:00", "platform": {"architecture": "z80"}}]}', "has nothing for"),
        (b"\0" * 5_000_000, "it is larger than the 1048576 bytes"),
    ],
)
@pytest.mark.slow
def test_hostile_answers(guest: UpdateGuest, registry: Registry, content: bytes, reason: str) -> None:
    registry.files["manifests/stable"] = content
    refuse(guest, reason)


def test_manifests_are_those_of_the_index(guest: UpdateGuest, registry: Registry) -> None:
    registry.push(NEW)
    for name in registry.files:
        if name.startswith("manifests/sha256:"):
            registry.files[name] = registry.files[name].replace(b"{", b"{ ", 1)
    refuse(guest, "the manifest is not sha256:")


@pytest.mark.slow
def test_answers_without_one(guest: UpdateGuest, registry: Registry) -> None:
    refuse(guest, '/acme/web: it has no "stable"')
    registry.push(NEW)
    for status, reason in ((403, "does not allow it"), (401, "wants a login, or another one: give it in")):
        registry.shop.faults.statuses = {"manifests/stable": [status]}
        refuse(guest, reason)
    registry.shop.faults.statuses = {"manifests/stable": [429, 500], "/blobs/": [503]}
    assert guest.update().code == 0


@pytest.mark.parametrize(
    "address", ["oci://", "oci://host", "oci:///x", "oci://h/a b", "oci://h/x$(x)", "oci://h/x/:a"]
)
@pytest.mark.slow
def test_addresses(guest: UpdateGuest, address: str) -> None:
    guest.settings["update_from"] = address
    refuse(guest, f"{address}: not the address of a registry: oci://registry.example/name")


@pytest.mark.parametrize("shell", SHELLS)
def test_values(tmp_path: Path, shell: str) -> None:
    """Each value has its path; what is no plain key is `?`."""
    value = {
        "a": {"b": [1, "x, ] }", {"c": None, "d": [[], {}, [2]]}], "e/f": "g", 'q"': True},
        "h": 'i\\"j',
        "k": -1.5,
    }
    file = tmp_path / "json"
    file.write_text(json.dumps(value, indent=1))
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    script = f'. {GUEST}/update/registry.sh; values_of "$1"'
    done = subprocess.run([*argv, "-uc", script, "x", file], capture_output=True, text=True, timeout=60, check=True)
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert lines == {
        "a/b/0": "1", "a/b/1": '"x, ] }"', "a/b/2/c": "null", "a/b/2/d/2/0": "2", "a/?": "true", "h": '"i\\\\\\"j"',
        "k": "-1.5",
    }  # fmt: skip


@pytest.mark.parametrize(("depth", "said"), [(15, "1"), (16, "")])
def test_how_deep_values_may_be(tmp_path: Path, depth: int, said: str) -> None:
    """The list itself is a level, too."""
    file = tmp_path / "json"
    file.write_text("[" * (depth + 1) + "1" + "]" * (depth + 1))
    script = f'. {GUEST}/update/registry.sh; values_of "$1"'
    done = subprocess.run(["dash", "-uc", script, "x", file], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == (f"{'/'.join('0' * (depth + 1))}\t{said}\n" if said else "")
