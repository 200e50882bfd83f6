"""The report of an earlier build, as `--build-context previous=DIRECTORY` gives it."""

from __future__ import annotations

import json

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask, told

SIZE = {"size": 1}
REPORT = {
    "schema": 1,
    "name": "claylinux",
    "ram": None,
    "packages": [{"name": "a", **SIZE}],
    "directories": [{"path": "/", **SIZE}],
    **dict.fromkeys(("uki", "system", "modules", "firmware", "unpackaged"), SIZE),
}
PLACE = "claylinux.report.json"


def build(report: object, place: str = PLACE, **options: str) -> FakeClient:
    outputs = {**BOOTABLE, "/uki.json": b'{"size": 1000}'}
    client = FakeClient(files={place: json.dumps(report).encode()}, outputs=outputs)
    return ask("base: debian\n", client, **{"target": "report", "context:previous": "local:previous", **options})


def asked(client: FakeClient) -> str:
    assert client.error is None, client.error
    (line,) = [line for line in llb.dump(client.solved[-1]).splitlines() if '"reports.Sizes"' in line]
    return line


def test_the_report_is_compared_with_it() -> None:
    assert f'"--previous", "/previous/{PLACE}"' in asked(build(REPORT))
    assert f'"--previous", "/previous/linux_amd64/{PLACE}"' in asked(build(REPORT, f"linux_amd64/{PLACE}"))


def test_other_targets_do_not_look_at_it() -> None:
    client = build({}, target="raw")
    assert client.error is None
    assert "previous" not in str([llb.dump(graph) for graph in client.solved])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ram": "much"}, "claylinux.report.json has an unexpected value at .ram"),
        ({"packages": [{"name": 1}]}, "claylinux.report.json has an unexpected value at .packages[0].name"),
        ({"uki": {"size": 10**400}}, "claylinux.report.json has an unexpected value at .uki.size"),
    ],
)
def test_what_is_no_report_is_an_error(changed: dict[str, object], message: str) -> None:
    expected = f"build context `previous`: {message}: it must be one of --target=report"
    assert told(build({**REPORT, **changed})) == expected


def test_a_missing_report_is_an_error() -> None:
    assert told(build(REPORT, "other.report.json")) == (
        "build context `previous` has no claylinux.report.json: pass the directory that an earlier build with "
        "--target=report wrote"
    )
