"""What belongs to one machine is in no stage of an image, in both modes, unless somebody asks for it."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from imager.archive.batch_writer import BatchWriter
from imager.commands import perform
from imager.initramfs import cpio_segment, layers, segments, snapshots
from imager.requests.packing import Initramfs, Layer
from imager.requests.sealing import Seal
from imager.rootfs import private_keys, seal, tree
from imager.rootfs.root import Root
from tests.support.imager import EPOCH, Member, make_system, read_newc
from tests.unit.imager.initramfs.test_layers import Memory
from tests.unit.imager.initramfs.test_segments import boot, copy

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
ID = "0123456789abcdef0123456789abcdef\n"
LEFT_OUT = (
    *("etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub", "etc/ssh/ssh_host_ed25519_key-cert.pub"),
    *("etc/dropbear/dropbear_ed25519_host_key", "etc/tinyssh/sshkeydir/.ed25519.sk", "etc/hostid"),
    *("etc/nvme/hostnqn", "etc/nvme/hostid", "etc/iscsi/initiatorname.iscsi", "var/lib/dbus/machine-id"),
    *("etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem", "var/lib/seedrng/seed.credit"),
    *("var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/urandom/random-seed"),
    *("etc/udev/rules.d/70-persistent-net.rules", "var/lib/dhcp/dhclient.eth0.leases", "var/lib/dhcpcd/duid"),
    *("var/lib/NetworkManager/secret_key", "var/lib/cloud/instances/i-1/user-data.txt", "var/lib/cloud/sem/x"),
    *("var/log/journal/0123/system.journal", "var/log/dpkg.log.1", "var/log/syslog.2.gz"),
)
EMPTIED = ("etc/machine-id", "var/log/dpkg.log", "var/log/app/access.log")
STAYS = (
    *("etc/ssh/sshd_config", "etc/ssh/ssh_config", "etc/nvme/discovery.conf", "etc/iscsi/iscsid.conf"),
    *("var/lib/cloud/seed/nocloud/user-data", "etc/ssl/certs/ca-certificates.crt", "etc/dropbear/dropbear.conf"),
)


def fill(system: Path, *paths: str, content: str = "of one machine\n") -> None:
    for path in paths:
        (system / path).parent.mkdir(parents=True, exist_ok=True)
        (system / path).write_text(content)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    made = make_system(tmp_path / "system")
    fill(made, *LEFT_OUT, *EMPTIED, *STAYS)
    (made / "etc/machine-id").write_text(ID)
    (made / "etc/ssl/certs/2e5ac55d.0").symlink_to("ssl-cert-snakeoil.pem")
    (made / "var/log/empty.log").touch()
    (made / "var/log/app/access.log").chmod(0o640)
    os.chown(made / "var/log/app/access.log", 33, 4)
    return made


def pack(stages: Sequence[Path], keep: tuple[str, ...] = ()) -> tuple[list[bytes], tuple[segments.Segment, ...]]:
    """Pack stages as archives, the last one with what is to be kept."""
    folder = stages[-1].parent
    (folder / "init").write_bytes(b"our init")
    facts: list[str] = []
    packed: list[bytes] = []
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        out = folder / f"out{number}"
        request = Initramfs(
            system=str(stage),
            init=str(folder / "init"),
            output=str(out),
            compression="none",
            epoch=EPOCH,
            below=str(stages[number - 1]) if number else "",
            facts=f"{out}.json",
            lower=tuple(facts) if last or number > 1 else (),
            more=not last,
            keep=keep if last else (),
        )
        cpio_segment.run(request)
        facts.append(request.facts)
        packed.append(out.read_bytes())
    return packed, segments.read(facts[-1])


def layer(stage: Path, below: Path | None = None, keep: tuple[str, ...] = ()) -> dict[str, tarfile.TarInfo]:
    """Give what is in the stream of a layer."""
    memory = Memory()
    stream = layers.TarWriter(BatchWriter(memory), EPOCH)
    below_path = str(below) if below else ""
    layers._pack(Layer(system=str(stage), output="", epoch=EPOCH, below=below_path, keep=keep), stream)
    stream.close()
    with tarfile.open(fileobj=io.BytesIO(memory.data)) as archive:
        return {member.name: member for member in archive}


def test_an_archive_has_none_of_it(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packed,), _ = pack([system])
    members = {member.name.decode(): member for member in read_newc(packed)}
    assert not set(LEFT_OUT) & members.keys()
    assert "etc/ssl/certs/2e5ac55d.0" not in members
    assert set(STAYS) <= members.keys()
    assert {path: members[path].data for path in EMPTIED} == dict.fromkeys(EMPTIED, b"")
    log = members["var/log/app/access.log"]
    assert (log.mode, log.uid, log.gid) == (stat.S_IFREG | 0o640, 33, 4)
    assert "var/log/empty.log" in members
    assert b"of one machine" not in b"".join(member.data for name, member in members.items() if name not in STAYS)
    told = capsys.readouterr().out
    assert "not in the image, as each machine has its own: /etc/dropbear/dropbear_ed25519_host_key, /etc/hostid" in told
    assert "the content of 5 logs (to ship one, name it in `files` or /boot/keep)" in told


def test_a_layer_has_none_of_it(system: Path) -> None:
    members = layer(system)
    assert not set(LEFT_OUT) & members.keys()
    assert set(STAYS) <= members.keys()
    assert [members[path].size for path in EMPTIED] == [0, 0, 0]


def test_two_builds_are_the_same(system: Path, tmp_path: Path) -> None:
    (first,), _ = pack([system])
    other = copy(system, tmp_path / "other")
    fill(other, *LEFT_OUT, *EMPTIED, content="of another machine, and longer\n")
    (other / "etc/machine-id").write_text(ID[::-1].strip())
    fill(other, "etc/ssh/ssh_host_new_key", "var/log/new.log.1")
    (other / "etc/ssl/certs/ffffffff.0").symlink_to("ssl-cert-snakeoil.pem")
    (second,), _ = pack([other])
    assert first == second


def test_no_stage_has_what_a_later_one_removes(system: Path, tmp_path: Path) -> None:
    """Nor does a stage tell of it."""
    base = make_system(tmp_path / "base")
    top = copy(system, tmp_path / "top")
    for path in LEFT_OUT:
        (top / path).unlink()
    packed, facts = pack([base, system, top])
    assert not set(LEFT_OUT) & {member.name.decode() for each in packed for member in read_newc(each)}
    assert not facts[2].removed.keys() & set(LEFT_OUT)
    nodes = boot(packed).nodes
    assert nodes[b"etc/machine-id"].data == b""
    assert not {path.encode() for path in LEFT_OUT} & nodes.keys()
    for below, stage in ((None, base), (base, system), (system, top)):
        assert not set(LEFT_OUT) & layer(stage, below).keys()


def test_a_named_file_ships_with_its_stage_only(system: Path, tmp_path: Path) -> None:
    """The one that a package made stays out, though it is below."""
    keep = ("/etc/ssh/ssh_host_rsa_key", "etc/machine-id", "/var/log/dpkg.log")
    top = copy(system, tmp_path / "top")
    fill(top, "etc/ssh/ssh_host_rsa_key", content="asked for\n")
    packed, _ = pack([system, top], keep)
    below, above = ({member.name.decode(): member.data for member in read_newc(each)} for each in packed)
    assert "etc/ssh/ssh_host_rsa_key" not in below
    assert above["etc/ssh/ssh_host_rsa_key"] == b"asked for\n"
    assert above["etc/machine-id"] == ID.encode()
    assert above["var/log/dpkg.log"] == b"of one machine\n"
    assert "etc/ssh/ssh_host_rsa_key.pub" not in above
    members = layer(top, system, keep)
    assert members["etc/ssh/ssh_host_rsa_key"].size == len("asked for\n")


def test_a_system_says_what_to_keep(system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Dockerfiles. It counts from the stage on that says it, also where stages share directories."""
    base = copy(system, tmp_path / "base")
    (system / "boot/keep").write_text("# ours\n/etc/machine-id\n\n /etc/ssh/ssh_host_rsa_key  # the fleet's\n")
    last = copy(system, tmp_path / "last")
    fill(last, "etc/motd")
    monkeypatch.setattr(snapshots, "is_overlay", lambda _: True)
    packed, _ = pack([base, system, last])
    names = [{member.name.decode() for member in read_newc(each)} for each in packed]
    assert ["etc/ssh/ssh_host_rsa_key" in each for each in names] == [False, True, False]
    assert boot(packed).nodes[b"etc/machine-id"].data == ID.encode()
    assert "boot/keep" not in names[1] | names[0]


def test_shared_directories_are_entered_where_they_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_system(tmp_path / "base")
    fill(base, "etc/ssh/ssh_host_rsa_key")
    subprocess.run(["cp", "-al", str(base), str(tmp_path / "top")], check=True)
    for path in ("boot", "etc", "etc/ssh", "."):
        shutil.copystat(base / path, tmp_path / "top" / path)
    (tmp_path / "top/boot/keep").write_text("/etc/ssh/ssh_host_rsa_key\n")
    monkeypatch.setattr(snapshots, "is_overlay", lambda _: True)
    packed, _ = pack([base, tmp_path / "top"])
    assert b"etc/ssh/ssh_host_rsa_key" in {member.name for member in read_newc(packed[1])}


def test_links_are_those_of_the_system(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    fill(system, "usr/etc/ssh/ssh_host_rsa_key", "srv/keys/ecdsa", "srv/logs/app.log")
    (system / "etc/ssh").symlink_to("/usr/etc/ssh")
    (system / "usr/etc/ssh/ssh_host_ecdsa_key").symlink_to("/srv/keys/ecdsa")
    (system / "usr/etc/ssh/ssh_host_dsa_key").symlink_to(tmp_path / "outside")
    (system / "var").mkdir()
    (system / "var/log").symlink_to("../srv/logs")
    (system / "etc/machine-id").symlink_to("../srv/id")
    (system / "srv/id").write_text(ID)
    (tmp_path / "outside").write_text("of the builder")
    found = seal.find(Root(system))
    assert found.left_out == {"usr/etc/ssh/ssh_host_rsa_key", "srv/keys/ecdsa"}
    assert found.emptied.keys() == {"srv/id", "srv/logs/app.log"}
    kept = seal.find(Root(system), ["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/machine-id"])
    assert kept.left_out == frozenset()
    assert kept.emptied.keys() == {"srv/logs/app.log"}


def test_an_image_lists_what_only_the_build_file_keeps(system: Path) -> None:
    """So a build from that image keeps it as well, what is left out and what is emptied."""
    keep = ("/etc/ssh/ssh_host_rsa_key", "/etc/machine-id")
    perform(Seal(system=str(system), keep=keep, epoch=EPOCH))
    assert (system / "boot/keep").read_text() == "/etc/machine-id\n/etc/ssh/ssh_host_rsa_key\n"
    assert (system / "etc/machine-id").read_text() == ID
    assert not (system / "etc/hostid").exists()
    assert "etc/machine-id" not in seal.find(Root(system)).emptied


@pytest.mark.parametrize("content", ["", "uninitialized\n", "a text of somebody\n"])
def test_a_machine_id_that_is_none_stays(tmp_path: Path, content: str) -> None:
    system = make_system(tmp_path / "system")
    fill(system, "etc/machine-id", content=content)
    (system / "var/lib/dbus").mkdir(parents=True)
    (system / "var/lib/dbus/machine-id").symlink_to("/etc/machine-id")
    assert seal.find(Root(system)) == seal.Seal()


@pytest.mark.parametrize("content", [ID.upper(), f"\n {ID}", f"{ID}# x\n", "01234567-89ab-cdef-0123-456789abcdef\n"])
def test_a_machine_id_is_one_in_any_form(tmp_path: Path, content: str) -> None:
    """systemd takes capital letters, dbus-uuidgen blanks in front."""
    system = make_system(tmp_path / "system")
    fill(system, "etc/machine-id", content=content)
    assert seal.find(Root(system)).emptied.keys() == {"etc/machine-id"}


def added(system: Path) -> dict[str, Member]:
    """Give what a packed system has that is ours."""
    (packed,), _ = pack([system])
    members = {member.name.decode(): member for member in read_newc(packed)}
    return {path.rpartition("/system/")[2]: member for path, member in members.items() if b"Claylinux" in member.data}


def test_host_keys_are_made_whatever_starts_the_server(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    fill(system, "usr/bin/systemctl")
    assert seal.find(Root(system)).added == {}, "no program needs any"
    fill(system, "usr/sbin/sshd")
    unit = "[Service]\nExecStart={}\n"
    fill(system, "etc/systemd/system/mine.service", content=unit.format("/usr/sbin/sshd -D"))
    fill(system, "etc/systemd/system/other.service", content=unit.format("/usr/bin/other --with=/usr/sbin/sshd-x"))
    found = added(system)
    assert found["usr/lib/claylinux/make-identity"].mode == stat.S_IFREG | 0o755
    for name in ("ssh.service", "sshd@.service", "dropbear.service", "mine.service"):
        assert b"After=claylinux-host-keys.service" in found[f"{name}.d/claylinux-host-keys.conf"].data
    assert b"After=" not in found["ssh.socket.d/claylinux-host-keys.conf"].data, "a boot waits for sockets"
    assert "other.service.d/claylinux-host-keys.conf" not in found
    assert "claylinux-names.service" not in found
    assert {member.mtime for member in found.values()} == {EPOCH}
    assert "usr/lib/systemd/system/mine.service.d/claylinux-host-keys.conf" in layer(system)


def test_names_are_made_before_anything_reads_them(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    fill(system, "usr/bin/systemctl", "sbin/nvme")
    found = added(system)
    assert b"Before=sysinit.target" in found["claylinux-names.service"].data
    assert b"Wants=claylinux-names.service" in found["sysinit.target.d/claylinux-names.conf"].data
    assert not any("host-keys" in path for path in found)


def test_openrc_makes_what_its_services_do_not(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    fill(system, "usr/sbin/openrc-run", "usr/sbin/sshd")
    (packed,), _ = pack([system])
    members = {member.name.decode(): member for member in read_newc(packed)}
    link = members["etc/runlevels/boot/claylinux-identity"]
    assert (stat.S_ISLNK(link.mode), link.data) == (True, b"/etc/init.d/claylinux-identity")
    assert members["etc/init.d/claylinux-identity"].mode == stat.S_IFREG | 0o755
    assert members["etc/runlevels"].mode == stat.S_IFDIR | 0o755


class TestKeys:
    """Keys that no rule knows are found by their content."""

    def found(self, system: Path, keep: tuple[str, ...] = ()) -> tuple[str, ...]:
        finder = private_keys.Finder()
        list(finder.watch(tree.walk(os.fsencode(system), keep)))
        return finder.unpackaged(Root(system), keep)

    def test_keys(self, tmp_path: Path) -> None:
        system = make_system(tmp_path / "system")
        contents = {
            "root/.ssh/id_ed25519": KEY,
            "etc/app/tls.pem": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
            + KEY.replace("OPENSSH", "EC"),
            "etc/wireguard/wg0.conf": f"[Interface]\nPrivateKey = {'A' * 43}=\n",
            "etc/bind/rndc.key": f'key "rndc-key" {{\n\tsecret "{"A" * 44}";\n}};\n',
            "srv/dropbear_key": "\0\0\0\x0bssh-ed25519\0\0\0\x40",
        }
        harmless = {
            "etc/app/tls.pub": "ssh-ed25519 AAAA",
            "etc/app/ca.pem": "-----BEGIN CERTIFICATE-----\nx\n",
            "usr/lib/python3/dist-packages/x/test/server.key": KEY,
            "opt/app/node_modules/x/y.pem": KEY,
            "usr/share/packaged.key": KEY,
            "etc/about": "how to write -----BEGIN PRIVATE KEY-----\n",
        }
        for path, content in {**contents, **harmless}.items():
            fill(system, path, content=content)
            (system / path).chmod(0o644 if path in harmless or path.endswith(("pem", "key")) else 0o600)
        fill(system, "var/lib/dpkg/info/x.list", content="/usr/share/packaged.key\n")
        assert self.found(system) == tuple(sorted(contents))
        assert self.found(system, ("/root/.ssh/id_ed25519",)) == tuple(
            sorted(contents.keys() - {"root/.ssh/id_ed25519"})
        )
        _, (facts,) = pack([system])
        assert facts.private_keys == tuple(sorted(contents))

    def test_what_a_later_stage_removes_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        system = make_system(tmp_path / "system")
        fill(system, "srv/key.pem", content=KEY)
        top = copy(system, tmp_path / "top")
        (top / "srv/key.pem").unlink()
        fill(top, "srv/later.pem", content=KEY)
        fill(top, "srv/wanted.pem", content=KEY)
        _, facts = pack([system, top], ("/srv/wanted.pem",))
        assert [each.private_keys for each in facts] == [("srv/key.pem",), ("srv/later.pem",)]
        assert "private key" not in capsys.readouterr().out, "the planner says it, with its rule"
        out = str(tmp_path / "alone")
        init = str(tmp_path / "init")
        cpio_segment.run(Initramfs(system=str(system), init=init, output=out, compression="none", epoch=EPOCH))
        assert "warning: /srv/key.pem is a private key" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "name", ["a.key", "a.pem", "a.priv", "a.ppk", "ssh_key", "privatekey", "id_rsa", "id_ecdsa", "id_ed25519"]
    )
    def test_names_of_keys_are_looked_at_though_all_can_read_them(self, tmp_path: Path, name: str) -> None:
        fill(tmp_path, f"srv/{name}", content=KEY)
        fill(tmp_path, "srv/notes", content=KEY)
        assert self.found(tmp_path) == (f"srv/{name}",)


def test_the_script_is_a_shell_script() -> None:
    for name in ("make-identity", "openrc"):
        subprocess.run(["sh", "-n", seal._OWN / name], check=True)


@pytest.mark.parametrize("linked", [False, True])
def test_logs_are_no_identities(tmp_path: Path, *, linked: bool) -> None:
    fill(tmp_path, "etc/hostid")
    logs = "srv/logs" if linked else "var/log"
    fill(tmp_path, f"{logs}/dpkg.log", f"{logs}/dpkg.log.1")
    if linked:
        (tmp_path / "var").mkdir()
        (tmp_path / "var/log").symlink_to("/srv/logs")
    found = seal.find(Root(tmp_path), ())
    assert {each.rpartition("/")[2] for each in (*found.left_out, *found.emptied)} >= {"dpkg.log", "dpkg.log.1"}
    assert seal.identities(Root(tmp_path)) == ("etc/hostid",)
