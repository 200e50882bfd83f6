"""`docker buildx build --call ...`: the answers, in BuildKit's own terms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fake_client import FakeClient
from tests.support.golden import check_golden
from tests.support.places import GOLDEN
from tests.support.whole_request import ask, told


def question(name: str, text: str, **options: str) -> tuple[Any, dict[str, bytes]]:
    """Ask, and return the decoded result.json and all metadata. Nothing may be built for an answer."""
    client = ask(text, FakeClient(), requestid=name, **options)
    assert client.error is None, client.error
    assert client.result is not None
    assert client.result.ref is None
    assert all(info.kind == "source" for definition in client.solved for info in definition.vertices.values())
    return json.loads(client.result.metadata["result.json"]), dict(client.result.metadata)


def test_describe_lists_every_question_itself_included() -> None:
    document, metadata = question("frontend.subrequests.describe", "base: debian\n")
    assert [item["name"] for item in document] == [
        "frontend.lint",
        "frontend.outline",
        "frontend.subrequests.describe",
        "frontend.targets",
    ]
    assert metadata["version"] == b"1.0.0"


def test_targets_mark_what_is_built_by_default() -> None:
    document, _ = question("frontend.targets", "base: debian\noutputs:\n  - raw\n  - iso\n")
    targets = {item["name"]: item for item in document["targets"]}
    assert [name for name, item in targets.items() if item.get("default")] == ["raw", "iso"]
    assert targets["iso"]["location"]["ranges"][0]["start"]["line"] == 4
    assert "image" in targets


def test_outline_names_the_outputs() -> None:
    document, _ = question("frontend.outline", "name: edge\nbase: debian\noutputs: [raw]\n")
    assert (document["name"], document["description"]) == ("edge", "builds edge.img")


def test_check_of_a_good_file_is_quiet() -> None:
    document, metadata = question("frontend.lint", "base: debian\n")
    assert document["warnings"] == []
    assert metadata["result.statuscode"] == b"0"


def test_check_tells_every_mistake_with_its_line() -> None:
    document, metadata = question("frontend.lint", "base: debain\npackges: []\n")
    assert metadata["result.statuscode"] == b"1"
    assert document["buildError"]["message"].count("\n") == 1
    location = document["buildError"]["location"]
    assert (location["sourceIndex"], [place["start"]["line"] for place in location["ranges"]]) == (0, [1, 2])


@pytest.mark.parametrize("name", ["frontend.outline", "frontend.targets"])
def test_other_questions_fail_as_a_build_would(name: str) -> None:
    assert "did you mean `debian`" in told(ask("base: debain\n", FakeClient(), requestid=name))


def test_check_tells_findings_as_warnings() -> None:
    document, metadata = question("frontend.lint", 'base: debian\nusers: [{name: root, password: ""}]\n')
    assert metadata["result.statuscode"] == b"1"
    assert [each["ruleName"] for each in document["warnings"]] == ["RootWithoutPassword"]
    assert document["warnings"][0]["location"] == {
        "sourceIndex": 0,
        "ranges": [{"start": {"line": 2}, "end": {"line": 2}}],
    }


def test_questions_are_answered_before_an_argument_is_given() -> None:
    """That is when they are asked; what is made of the argument is missing, and anything else wrong is still told."""
    text = "args: {V: '', W: ''}\nbase: {image: 'x:${V:?give V}'}\nversion: ${W:?}\nusers: [{name: a, uid: '${V:?}'}]\n"
    document, metadata = question("frontend.outline", text)
    assert [each["description"] for each in document["args"]] == [
        "required: give V",
        "required: it is empty: set it with --build-arg W=...",
    ]
    assert b"W                   required: it is empty: set it with --build-arg W=...\n" in metadata["result.txt"]
    document, _ = question("frontend.targets", text)
    assert [each["name"] for each in document["targets"] if "default" in each] == ["raw"]
    for name in ("outline", "targets"):
        message = told(ask(text + "packges: [x]\n", FakeClient(), requestid=f"frontend.{name}"))
        assert message == "claylinux.yaml:5:1: unknown key `packges`: did you mean `packages`?"
    assert "give V" in told(ask(text, FakeClient()))


def test_a_secret_that_is_required_once_is_required() -> None:
    text = "base: {image: x}\nrun:\n" + "".join(
        f"  - {{script: x, mounts: ['type={mount}']}}\n"
        for mount in ("secret,id=a", "secret,id=a,required", "secret,id=b", "ssh", "ssh,id=x,required")
    )
    document, _ = question("frontend.outline", text)
    assert [(each["name"], each.get("required")) for each in document["secrets"]] == [("a", True), ("b", None)]
    assert document["secrets"][0]["location"]["ranges"][0]["start"]["line"] == 3
    assert [(each["name"], each.get("required")) for each in document["ssh"]] == [("default", None), ("x", True)]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", ["tls", "token", "db.crt", "db.key", "pcr.key"]),
        ("tbs", ["tls", "token", "db.crt", "pcr.key"]),
        ("image", ["tls", "token"]),
        ("sbom", ["tls", "token"]),
        ("enroll", []),
        ("ovmf-vars", []),
    ],
)
def test_a_target_needs_its_own_secrets_only(target: str, expected: list[str]) -> None:
    """What makes machines trust the system takes nothing of it."""
    text = (
        "base: debian\noutputs: [raw, enroll]\n"
        "run: [{script: x, mounts: ['type=secret,id=tls,required', type=ssh, 'type=cache,target=/c']}]\n"
        "package_manager: {credentials: {secret: token}}\n"
        "secure_boot: {certificate: {secret: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}, "
        "enroll: keys}\n"
    )
    document, _ = question("frontend.outline", text, **({"target": target} if target else {}))
    assert [each["name"] for each in document["secrets"]] == expected
    assert (document["ssh"] == [], document["cache"] == []) == (not expected, not expected)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", ["db.crt", "update.key"]),
        ("update", ["db.crt", "update.key"]),
        ("tbs", ["db.crt"]),
        ("image", []),
        ("sbom", []),
    ],
)
def test_what_is_signed_for_machines_needs_the_key_of_updates(target: str, expected: list[str]) -> None:
    text = (
        "base: debian\nname: web\nversion: 1.4.0\nupdate: {key: {secret: update.key, public: update.pub}}\n"
        "secure_boot: {certificate: {secret: db.crt}, key: {secret: db.key}}\n"
    )
    document, _ = question("frontend.outline", text, **({"target": target} if target else {}))
    assert [each["name"] for each in document["secrets"] if each["name"] != "db.key"] == expected


CALLS = GOLDEN / "calls"


@pytest.mark.parametrize("name", ["subrequests.describe", "outline", "targets", "lint"])
def test_answers(name: str, update_golden: bool) -> None:
    text = (CALLS / "claylinux.yaml").read_text()
    given = {"build-arg:RELEASE": "12"} if name == "lint" else {}
    _, metadata = question(f"frontend.{name}", text, **given)
    check_golden(CALLS / f"{name}.json", metadata["result.json"].decode() + "\n", update=update_golden)
    check_golden(CALLS / f"{name}.txt", metadata["result.txt"].decode(), update=update_golden)


def test_questions_see_the_arguments_of_the_build() -> None:
    text = "args: {V: '1'}\nbase: debian\nname: e-${V:?give V}\n"
    client = ask(text, FakeClient(), **{"requestid": "frontend.outline", "build-arg:V": "7"})
    assert client.result is not None, client.error
    document = json.loads(client.result.metadata["result.json"])
    assert (document["name"], document["args"][0]["value"]) == ("e-7", "7")
