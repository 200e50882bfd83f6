"""The environment that BuildKit gives us -> BuildOptions."""

from __future__ import annotations

import pytest

from frontend.errors import AnswerError, UserError
from frontend.options import DEFAULT_EPOCH, parse_environment, parse_options
from imager.core import clock
from llb import Platform
from spec.values.words import Seconds

WORKERS: list[dict[str, object]] = [{"platforms": [{"architecture": "arm64", "os": "linux"}]}]


def test_environment_order_does_not_matter_and_values_may_hold_anything() -> None:
    options = parse_environment(
        {
            "BUILDKIT_FRONTEND_OPT_1": "build-arg:A=x=y\nz",
            "BUILDKIT_FRONTEND_OPT_0": "filename=claylinux.yaml",
            "BUILDKIT_SESSION_ID": "s1",
            "BUILDKIT_WORKERS": '[{"platforms": [{"architecture": "amd64", "os": "linux"}]}]',
            "HOME": "/",
        }
    )
    assert options.filename == "claylinux.yaml"
    assert options.build_args == {"A": "x=y\nz"}
    assert options.session_id == "s1"
    assert options.build_platform == Platform("linux", "amd64")


def test_defaults() -> None:
    options = parse_options({}, workers=WORKERS)
    assert options.filename == "Dockerfile"
    assert options.platforms == (Platform("linux", "arm64"),)
    assert options.no_cache is None
    assert options.epoch == DEFAULT_EPOCH
    assert not options.multi_platform


@pytest.mark.parametrize(
    ("value", "step", "expected"),
    [
        ("", "packages", True),
        ("packages", "packages", True),
        ("Packages", "packages", True),
        ("run", "packages", False),
    ],
)
def test_no_cache_for_everything_or_for_named_steps(value: str, step: str, expected: bool) -> None:
    assert parse_options({"no-cache": value}, workers=WORKERS).ignores_cache(step) is expected


def test_lists_of_the_command_line() -> None:
    options = parse_options(
        {
            "platform": "linux/amd64,linux/arm64/v8",
            "add-hosts": "a=10.0.0.1,b=10.0.0.2",
            "ulimit": "nofile=1024:2048,core=0",
            "cache-imports": '[{"Type":"registry","Attrs":{"ref":"r"}}]',
            "label:k": "v",
            "build-arg:http_proxy": "p",
            "build-arg:SOURCE_DATE_EPOCH": "1700000000",
        },
        workers=WORKERS,
    )
    assert options.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert options.multi_platform
    assert options.add_hosts == (("a", "10.0.0.1"), ("b", "10.0.0.2"))
    assert options.ulimits == (("nofile", 1024, 2048), ("core", 0, 0))
    assert options.cache_imports == (("registry", {"ref": "r"}),)
    assert options.labels == {"k": "v"}
    assert options.proxies == (("HTTP_PROXY", "p"),)
    assert options.epoch == 1700000000


def test_legacy_cache_from() -> None:
    options = parse_options({"cache-from": "a, b"}, workers=WORKERS)
    assert options.cache_imports == (("registry", {"ref": "a"}), ("registry", {"ref": "b"}))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"add-hosts": "a"}, '`--add-host` must be HOST=IP (for example `db=10.0.0.5`); got "a"'),
        ({"shm-size": "64m"}, '`--shm-size` must be a whole number; got "64m"'),
        ({"ulimit": "nofile"}, '`--ulimit` must be NAME=SOFT[:HARD] (for example `nofile=1024:2048`); got "nofile"'),
        (
            {"ulimit": "nofile=x"},
            '`--ulimit` must be NAME=SOFT[:HARD] (for example `nofile=1024:2048`); got "nofile=x"',
        ),
        *(
            (
                {"build-arg:SOURCE_DATE_EPOCH": odd},
                "`SOURCE_DATE_EPOCH` must be seconds since 1970-01-01, a whole number from 0 to 2147483647; "
                f'got "{odd}"',
            )
            for odd in ("now", "-5", "2147483648", "9" * 20, "1_0", " 5")
        ),
        (
            {"force-network-mode": "wifi"},
            '`force-network-mode` must be `default`, `host`, `none` or `sandbox`; got "wifi"',
        ),
    ],
)
def test_malformed_options_name_the_flag(raw: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_options(raw, workers=WORKERS)
    assert caught.value.message == message


def test_the_build_file_fills_in_what_the_caller_leaves_open() -> None:
    silent = parse_options({}, workers=[])
    filled = silent.completed(("linux/amd64", "linux/arm64"), 1_700_000_000)
    assert [str(platform) for platform in filled.platforms] == ["linux/amd64", "linux/arm64"]
    assert filled.multi_platform and filled.epoch == 1_700_000_000
    raw = {"platform": "linux/amd64", "build-arg:SOURCE_DATE_EPOCH": "5"}
    said = parse_options(raw, workers=[]).completed(("linux/arm64",), 1_700_000_000)
    assert [str(platform) for platform in said.platforms] == ["linux/amd64"]
    assert not said.multi_platform and said.epoch == 5


def test_the_variable_and_the_key_have_the_same_range() -> None:
    (number,) = Seconds.__metadata__  # type: ignore[attr-defined]
    assert (number.least, number.most) == (0, clock.LAST)
    for epoch in (0, clock.LAST):
        options = parse_options({"build-arg:SOURCE_DATE_EPOCH": str(epoch)}, workers=WORKERS)
        assert options.epoch == epoch


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"BUILDKIT_WORKERS": "{"}, "its list of workers is not JSON"),
        ({"BUILDKIT_WORKERS": "[1]"}, "its list of workers has an unexpected value at [0]"),
        ({"BUILDKIT_FRONTEND_OPT_0": "cache-imports=["}, "its list of caches is not JSON"),
        ({"BUILDKIT_FRONTEND_OPT_0": 'cache-imports=[{"Type": "x", "Attrs": {"a": 1}}]'}, "at [0].Attrs"),
    ],
)
def test_an_environment_without_sense_is_told(environment: dict[str, str], message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_environment(environment)
    assert message in str(caught.value)


@pytest.mark.parametrize("workers", ['[{"platforms": null}]', '[{"platforms": [{"os": 1, "architecture": []}]}]', "[]"])
def test_a_worker_that_does_not_say_what_it_is_counts_as_amd64(workers: str) -> None:
    assert parse_environment({"BUILDKIT_WORKERS": workers}).build_platform == Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("option", "message"),
    [("platform=x//", "`--platform`: "), ("ulimit=a=1\nb=2", "must be one line of values with commas between them")],
)
def test_an_option_without_sense_is_told(option: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_environment({"BUILDKIT_FRONTEND_OPT_0": option})
    assert message in str(caught.value)


def test_one_platform_of_a_request() -> None:
    one, other = Platform("linux", "amd64"), Platform("linux", "arm64")
    options = parse_options({"platform": "linux/amd64,linux/arm64", "target": "x"}, workers=WORKERS)
    assert options.platforms == (one, other)
    assert (options.on(other).platforms, options.on(other).target) == ((other,), "x")


@pytest.mark.parametrize(
    ("raw", "mode"), [({}, None), ({"force-network-mode": ""}, None), ({"force-network-mode": "none"}, "none")]
)
def test_an_empty_choice_is_none(raw: dict[str, str], mode: str | None) -> None:
    assert parse_options(raw, workers=WORKERS).network == mode
