"""A whole request without an engine: what is asked of BuildKit, what the user is told."""

from __future__ import annotations

import base64
import json

import pytest

import llb
from frontend.errors import EngineError
from frontend.gateway import status as wire
from llb import Definition
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, IMAGE, REPORT, ask, facts, names, places, told


def test_disks_share_one_uki_without_os_release() -> None:
    client = ask("base: debian\noutputs: [raw, iso, efi]\n")
    assert client.error is None, client.error
    assert [name for name in names(client) if name.startswith(("[initramfs]", "[uki]", "[output"))] == [
        "[initramfs] pack the base",
        "[initramfs] pack the rest",
        "[uki] Linux 6.12",
        "[output] claylinux.img",
        "[output] claylinux.iso",
        "[output] claylinux.efi with Linux 6.12",
        "[outputs] merge",
    ]
    laid_out = [line for line in llb.dump(client.solved[-1]).splitlines() if '"imager", "packing.Uki"' in line]
    assert ['"--os-release", "true"' in line for line in laid_out] == [
        '"then", "outputs.Efi"' in line for line in laid_out
    ]
    assert len(laid_out) == 2


def test_a_target_builds_only_its_output_in_one_step() -> None:
    client = ask("base: debian\noutputs: [raw, {format: iso, name: cd}]\n", target="iso")
    assert [name for name in names(client) if name.startswith(("[uki]", "[output"))] == [
        "[output] cd.iso with Linux 6.12"
    ]


def test_a_uki_that_was_weighed_is_not_laid_out_again() -> None:
    client = ask(
        "base: debian\noutputs: [raw]\nlimits: {uki: 1G}\n",
        FakeClient(outputs={**BOOTABLE, "/uki.json": b'{"size": 1000}'}),
    )
    assert client.error is None, client.error
    assert [name for name in names(client) if name.startswith(("[uki]", "[output"))] == [
        "[uki] Linux 6.12",
        "[output] claylinux.img",
    ]


def test_a_file_that_was_weighed_is_not_laid_out_again() -> None:
    client = ask(
        "base: debian\noutputs: [efi]\nlimits: {uki: 1G}\n",
        FakeClient(outputs={**BOOTABLE, "/uki.json": b'{"size": 1000}'}),
    )
    assert client.error is None, client.error
    assert [name for name in names(client) if name.startswith(("[uki]", "[output"))] == [
        "[uki] Linux 6.12",
        "[output] claylinux.efi",
    ]
    (laid_out,) = [line for line in llb.dump(client.solved[-1]).splitlines() if '"imager", "packing.Uki"' in line]
    assert '"--os-release", "true"' in laid_out


def test_without_merge_outputs_are_copied_together() -> None:
    caps = FakeClient().llb_caps - {"mergeop", "diffop"}
    client = ask("base: debian\noutputs: [raw, iso]\n", FakeClient(outputs=BOOTABLE, llb_caps=caps))
    assert client.error is None
    assert "[outputs] merge" in names(client)
    merge = llb.dump(client.solved[-1]).partition("[outputs] merge")[2]
    assert (merge.count('copy.src: "/"\n'), merge.count('copy.dest: "/"\n')) == (2, 2)
    client = ask("base: debian\noutputs: [raw]\n", FakeClient(outputs=BOOTABLE, llb_caps=caps))
    assert "[outputs] merge" not in names(client), "one output needs no copy"


def test_every_mistake_is_told_at_once_in_the_order_of_the_file() -> None:
    client = ask("base: debain\npackges: [x]\n")
    assert [line.partition(": ")[0] for line in told(client).splitlines()[::3]] == [
        "claylinux.yaml:1:7",
        "claylinux.yaml:2:1",
    ]
    assert places(client) == []
    assert client.result is None


def test_one_mistake_has_a_snippet() -> None:
    client = ask("base: debian\n\npackges: [x]\n")
    assert places(client) == [3]
    assert told(client).count("\n") == 0


def test_a_capability_that_is_switched_off_is_named() -> None:
    caps = FakeClient().llb_caps - {"exec.mount.cache"}
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE, llb_caps=caps))
    assert told(client) == ("this build needs a newer engine (dockerd or BuildKit): exec.mount.cache: not supported")


def test_a_failing_step_is_told_in_the_words_of_the_build_file() -> None:
    def fail(definition: Definition) -> None:
        step = next((key for key, info in definition.vertices.items() if info.name.startswith("[run")), None)
        if step:
            status = wire.make('process "/bin/sh -euc exit 3" did not complete successfully: exit code: 3')
            status.ClearField("details")
            wire.add_detail(status, wire.VERTEX, {"digest": step})
            raise EngineError(status)

    client = ask("base: debian\nrun:\n  - exit 3\n", FakeClient(outputs=BOOTABLE, on_solve=fail))
    assert told(client) == "[run 1/1] exit 3 failed with exit code 3 (see the output above)"
    assert places(client) == [3]


def test_errors_of_the_engine_keep_their_details() -> None:
    def fail(definition: Definition) -> None:
        if len(definition.vertices) > 1:
            status = wire.make("no space left on device")
            wire.add_detail(status, "github.com/moby/buildkit/stack.Stack+json", {"x": 1})
            raise EngineError(status)

    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE, on_solve=fail))
    assert told(client) == "no space left on device"
    assert client.error is not None
    assert "github.com/moby/buildkit/stack.Stack+json" in [detail.type_url for detail in client.error.details]


def test_a_bug_says_that_it_is_one_and_blames_no_line() -> None:
    def stumble(_: Definition) -> None:
        raise KeyError("kernels")

    client = ask("base: debian\n", FakeClient(on_solve=stumble))
    assert told(client).startswith("this is a bug in Claylinux")
    assert "KeyError: 'kernels'" in told(client)
    assert places(client) == []


def test_an_answer_without_sense_is_not_our_bug() -> None:
    client = ask("base: debian\n", FakeClient(outputs={"/report.json": b"{}"}))
    assert told(client) == (
        "the engine (dockerd or BuildKit) gave an answer that makes no sense: the report about the system has an "
        "unexpected value at .kernels"
    )
    assert places(client) == []


def test_no_message_moves_the_cursor_or_goes_on_forever() -> None:
    def fail(_: Definition) -> None:
        raise EngineError(wire.make("a\r\n\tb\x1b[2J\u202ec" + "x" * 200_000))

    message = told(ask("base: debian\n", FakeClient(on_solve=fail)))
    assert message.startswith("a\n\tb\\x1b[2J\\u202ecxxx")
    assert len(message) < 101_000


@pytest.mark.parametrize(
    ("report", "text", "message", "lines"),
    [
        ({"kernels": []}, "base: {image: x}\n", "this system has no Linux kernel", [1]),
        ({"init": None}, "base: {image: x}\n", "this system has no init (expected /sbin/init)", [1]),
        ({"kernels": [], "init": None}, "base: {image: x}\n", "no Linux kernel", [1]),
        (
            {"kernels": [{"version": v, "path": "", "machine": "amd64"} for v in ("6.1", "6.12")]},
            "base: {image: x}\n",
            "this system has 2 kernels (6.1, 6.12): choose one (for example `kernel: {version: 6.12}`)",
            [1],
        ),
        ({}, "base: debian\nkernel: {version: 5.4}\n", "this system has no kernel `5.4`: it has 6.12", [2]),
        (
            {"init_machine": "arm64"},
            "base: {image: x}\n",
            "/sbin/init is a program for arm64; the image is for linux/amd64",
            [1],
        ),
    ],
)
def test_a_system_that_cannot_boot(report: dict[str, object], text: str, message: str, lines: list[int]) -> None:
    client = ask(text, FakeClient(outputs={"/report.json": json.dumps({**REPORT, **report}).encode()}))
    assert message in told(client)
    assert places(client) == lines


def test_a_chosen_kernel_is_taken() -> None:
    kernels = [{"version": v, "path": "", "machine": "amd64"} for v in ("6.1", "6.12")]
    outputs = {**BOOTABLE, "/report.json": json.dumps({**REPORT, "kernels": kernels}).encode()}
    client = ask("base: {image: x}\nkernel: {version: '6.1'}\n", FakeClient(outputs=outputs))
    assert "[output] claylinux.img with Linux 6.1" in names(client)


def test_the_image_target_returns_the_system_with_its_config() -> None:
    client = ask("base: {image: x}\n", FakeClient(outputs=IMAGE), target="image", **{"label:a": "b"})
    assert client.result is not None
    config = json.loads(client.result.metadata["containerimage.config"])
    labels = {"a": "b", "org.opencontainers.image.title": "claylinux"}
    assert config["config"] == {"Env": ["PATH=/bin"], "Labels": labels}
    assert (config["architecture"], config["os"]) == ("amd64", "linux")


def test_labels_say_what_the_image_is_and_the_caller_has_the_last_word() -> None:
    text = "base: {image: x}\nname: edge\nversion: 1.4.0\nlabels: {a: file, b: file}\n"
    client = ask(text, FakeClient(outputs=IMAGE), target="image", **{"label:a": "caller"})
    assert client.result is not None
    assert json.loads(client.result.metadata["containerimage.config"])["config"]["Labels"] == {
        "a": "caller",
        "b": "file",
        "org.opencontainers.image.title": "edge",
        "org.opencontainers.image.version": "1.4.0",
    }


def test_the_file_can_say_what_to_build_for() -> None:
    text = "base: {image: x}\nplatforms: [linux/amd64, linux/arm64]\n"
    client = ask(text, FakeClient(outputs=IMAGE), target="image")
    assert client.result is not None
    assert sorted(client.result.refs) == ["linux/amd64", "linux/arm64"]
    client = ask(text, FakeClient(outputs=IMAGE), target="image", platform="linux/amd64")
    assert client.result is not None
    assert client.result.refs == {}


def test_each_platform_has_the_file_with_its_own_arguments() -> None:
    text = "base: {image: x}\nhostname: h-${TARGETARCH}\n"
    client = ask(text, FakeClient(outputs=IMAGE), target="image", platform="linux/amd64,linux/arm64")
    assert client.error is None, client.error
    assert client.result is not None
    for architecture in ("amd64", "arm64"):
        ref = client.result.refs[f"linux/{architecture}"]
        assert ref is not None
        assert f'"h-{architecture}\\n"' in llb.dump(client.solved[int(ref.id)])


def test_several_platforms_give_several_refs() -> None:
    client = ask(
        "base: {image: x}\npackages: [less]\n",
        FakeClient(outputs=IMAGE),
        target="image",
        platform="linux/amd64,linux/arm64",
    )
    assert client.result is not None
    assert sorted(client.result.refs) == ["linux/amd64", "linux/arm64"]
    platforms = json.loads(client.result.metadata["refs.platforms"])["Platforms"]
    assert platforms[1] == {"ID": "linux/arm64", "Platform": {"architecture": "arm64", "os": "linux"}}
    assert any(name.endswith("(linux/arm64)") for name in (n for d in client.solved for n in _names(d)))


def test_an_unknown_subrequest_is_answered_as_buildx_expects() -> None:
    client = ask("base: debian\n", requestid="frontend.nonsense")
    assert told(client) == "unsupported request frontend.nonsense"
    assert client.error is not None
    assert list(wire.details(client.error, wire.SUBREQUEST)) == [{"name": "frontend.nonsense"}]


def test_snippets_hold_only_the_lines_around() -> None:
    client = ask("base: debian\n" + "# filler\n" * 1000 + "nope: 1\n")
    assert client.error is not None
    (detail,) = wire.details(client.error, wire.SOURCE)
    info: dict[str, str] = detail["info"]  # type: ignore[assignment]
    data = base64.b64decode(info["data"])
    assert data.count(b"\n") >= 1001
    assert data.count(b"filler") == 5


def _names(definition: Definition) -> list[str]:
    return [vertex.name for vertex in definition.vertices.values()]


@pytest.mark.parametrize("given", [facts(1000, 101), facts(problem="/opt was a directory before")])
def test_segments_that_are_a_waste_become_one(given: bytes) -> None:
    client = ask("base: debian\npackages: [less]\n", FakeClient(outputs={**BOOTABLE, "/facts.json": given}))
    assert client.error is None
    assert [name for name in names(client) if name.startswith("[initramfs]")] == ["[initramfs] pack the system"]


def test_patterns_that_leave_out_nothing_are_told_at_their_line() -> None:
    outputs = {**BOOTABLE, "/facts.json": facts(excluded=("/usr/share/icons/",))}
    text = "base: debian\nrootfs:\n  exclude:\n    - /usr/share/icons/\n    - /usr/share/ikons/\n"
    client = ask(text, FakeClient(outputs=outputs))
    assert client.warned == ["claylinux.yaml:5: `rootfs.exclude`: nothing in the system matches `/usr/share/ikons/`"]


def test_private_keys_are_told_unless_the_file_names_them() -> None:
    found = ("root/.ssh/id_rsa", "etc/app/tls.key", "srv/tree/inner/key", "srv/\n::error::x")
    outputs = {**BOOTABLE, "/facts.json": facts(keys=found)}
    files = "files:\n  /etc/app/tls.key: {source: tls.key}\n  /srv/tree: {source: tree}\n"

    def build(head: str) -> FakeClient:
        given = FakeClient(files={"tls.key": b"", "tree/x": b""}, outputs=outputs, folders=frozenset({"tree"}))
        return ask(f"{head}base: debian\n{files}", given)

    client = build("")
    assert client.error is None
    about = [warning for warning in client.warned if "[PrivateKey]" in warning]
    assert [text.split(" is a private key")[0].rpartition(" ")[2] for text in about] == [
        "/root/.ssh/id_rsa",
        "/srv/\\n::error::x",
    ]
    client = build("# check=skip=PrivateKey\n")
    assert not any("private key" in warning for warning in client.warned)
    client = build("# check=error=true\n")
    assert "/root/.ssh/id_rsa is a private key" in told(client)
    assert "[PrivateKey]" in told(client)
    assert told(client).count("claylinux.yaml:2:7: ") == 2  # one for each key


def test_files_that_belong_to_one_machine_ship_where_they_are_named() -> None:
    files = "{/etc/machine-id: 'ab', /etc/motd: x, /data/ssh_host_rsa_key: k}"
    client = ask(f"base: debian\npackages: [x]\nfiles: {files}\n", FakeClient(outputs=BOOTABLE))
    assert client.error is None
    steps = [line for line in llb.dump(client.solved[-1]).splitlines() if '"imager", "packing.Layer"' in line]
    named = ['"--keep", "/data/ssh_host_rsa_key", "--keep", "/etc/machine-id"' in step for step in steps]
    assert sorted(named) == [False, False, True], "only with the stage that has `files`"
    assert not any('"--keep", "/etc/motd"' in step for step in steps)


def test_the_mode_follows_the_kernel() -> None:
    lacking = {**BOOTABLE, "/report.json": json.dumps({**REPORT, "no_overlay": {"6.12": ["overlay"]}}).encode()}
    for text, outputs, command, told_why in (
        ("base: debian\n", BOOTABLE, "Layer", False),
        ("base: debian\n", lacking, "Initramfs", True),
        ("base: debian\nrootfs: {mode: tmpfs}\n", lacking, "Initramfs", False),
    ):
        client = ask(text, FakeClient(outputs=outputs))
        assert client.error is None
        # What was begun with the wrong guess may end later.
        (final,) = (
            each for each in client.solved if any(v.name.startswith("[output]") for v in each.vertices.values())
        )
        steps = [line for line in llb.dump(final).splitlines() if "meta.args" in line]
        assert all(f'"imager", "packing.{command}"' in step for step in steps if '"--more"' in step)
        assert sum('"--more"' in step for step in steps) == 2
        assert any('"--lacks", "module overlay"' in step for step in steps) is told_why
    client = ask("base: debian\nrootfs: {mode: overlay}\n", FakeClient(outputs=lacking))
    assert told(client) == (
        "`rootfs.mode`: kernel 6.12 does not support overlay mode, because it has no module overlay: "
        "write `mode: auto`, or use another kernel"
    )
    assert places(client) == [2]


def test_what_cannot_be_on_a_disk_is_told_at_its_line() -> None:
    """By the kernel, or by the target: a program alone has no disk. Nothing falls back to memory."""
    lacking = {**BOOTABLE, "/report.json": json.dumps({**REPORT, "no_disk": {"6.12": ["dm_verity"]}}).encode()}
    text = "base: debian\nrootfs: {source: disk}\n"
    client = ask(text, FakeClient(outputs=lacking))
    assert told(client) == (
        "`rootfs.source`: kernel 6.12 does not support a system on a disk, because it has no module dm_verity: "
        "remove `source: disk`, or use another kernel"
    )
    assert places(client) == [2]
    client = ask(text, FakeClient(outputs=BOOTABLE), target="efi")
    assert told(client).startswith("--target efi has no disk for `rootfs: {source: disk}`: choose `raw`, `iso`, ")
    assert places(client) == [2]
    assert ask(text, FakeClient(outputs=BOOTABLE), target="iso").error is None


def test_a_kernel_that_cannot_decompress_gets_what_it_can() -> None:
    """Alpine's and others' kernels have not all decoders of squashfs."""
    outputs = {**BOOTABLE, "/report.json": json.dumps({**REPORT, "no_decoder": {"6.12": ["zstd"]}}).encode()}
    for rootfs, lacks in (("{}", True), ("{compression: xz}", False)):
        client = ask(f"base: debian\nrootfs: {rootfs}\n", FakeClient(outputs=outputs))
        assert client.error is None
        assert ('"--lacks", "zstd in its squashfs"' in "".join(map(llb.dump, client.solved))) is lacks
    client = ask("base: debian\nrootfs: {mode: overlay, compression: 'zstd:9'}\n", FakeClient(outputs=outputs))
    assert "because it has no zstd in its squashfs: write" in told(client)


def test_an_empty_dns_leaves_the_resolver_alone() -> None:
    """`dns:` with all its servers commented out would otherwise write an empty /etc/resolv.conf."""
    image = "base: {image: x}\nhostname: h\n"
    for text in ("dns: {}\n", "dns: {servers: []}\n"):
        assert "[system] hostname hosts" in names(ask(image + text))
    assert "[system] hostname hosts resolv.conf" in names(ask(image + "dns: {search: [lan]}\n"))
