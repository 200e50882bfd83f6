"""The config of a stranger's image is right, or one line says what is wrong with it."""

from __future__ import annotations

import pytest

from frontend.errors import UserError
from frontend.image_config import read_config
from llb import SourceRange

AT = SourceRange(1, 0, 1, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"config": null}',
        b'{"config": {"Env": null, "Labels": null}}',
        b'{"config": {"Env": ["A=", "B=x=y"]}}',
    ],
)
def test_what_registries_hold_is_read(data: bytes) -> None:
    assert isinstance(read_config(data, "x"), dict)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it must be an object"),
        (b'{"config": []}', "`config` must be an object"),
        (b'{"config": [1]}', "`config` must be an object"),
        (b'{"config": {"Env": "A=b"}}', "`config.Env` must be a list of texts"),
        (b'{"config": {"Env": [7]}}', "`config.Env` must be a list of texts"),
        (b'{"config": {"Env": ["A"]}}', "`config.Env` must be a list of variables"),
        (b'{"config": {"Env": ["A=\\u0000"]}}', "`config.Env` must be a list of texts"),
        (b'{"config": {"Labels": ["x"]}}', "`config.Labels` must map names to texts"),
        (b'{"config": {"Labels": {"a": 1}}}', "`config.Labels` must map names to texts"),
    ],
)
def test_a_damaged_config_is_one_line(data: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_config(data, "image evil", AT)
    assert caught.value.message.startswith("image evil has a damaged config: ")
    assert message in caught.value.message
    assert caught.value.ranges == (AT,)
