"""The build request as BuildKit passes it: environment variables -> one frozen `BuildOptions`.

Sources: BuildKit frontend/gateway/gateway.go (the environment), buildx build/opt.go and BuildKit
frontend/dockerui/attr.go (the keys and their grammars).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from imager.core import clock
from llb import LlbError, Platform
from spec.values.wording import code, listing, must_be, quote

from . import documents
from .errors import UserError

_OPT = "BUILDKIT_FRONTEND_OPT_"
DEFAULT_FILENAME = "Dockerfile"
DEFAULT_EPOCH = 315532800
"""1980-01-01T00:00:00Z, the first second that every format can hold (FAT starts there)."""
_CACHES = [{"Type": str, "Attrs?": ({"*": str}, documents.NONE)}]
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """One build request.

    `no_cache` is None (use the cache), an empty tuple (do not use it), or the names of steps that do not use it.
    `network` is a mode for every step, or None. `epoch` is in seconds. `runs` are the architectures whose programs the
    builder is known to run; it may run more. `sbom` is the scanner that is to list what is in the system, empty
    if any may do it, None if nobody asked.
    """

    filename: str = DEFAULT_FILENAME
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[Platform, ...]
    build_platform: Platform
    runs: frozenset[str] = frozenset()
    multi_platform: bool = False
    no_cache: tuple[str, ...] | None = None
    resolve_mode: str = "default"
    network: str | None = None
    add_hosts: tuple[tuple[str, str], ...] = ()
    ulimits: tuple[tuple[str, int, int], ...] = ()
    shm_size: int | None = None
    cgroup_parent: str | None = None
    hostname: str | None = None
    cache_imports: tuple[tuple[str, Mapping[str, str]], ...] = ()
    cache_namespace: str = ""
    epoch: int = DEFAULT_EPOCH
    sbom: str | None = None
    request_id: str = ""
    source: str = ""
    session_id: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)

    @property
    def proxies(self) -> tuple[tuple[str, str], ...]:
        """The proxy variables that the client passes as build arguments."""
        found = {key.upper(): value for key, value in self.build_args.items() if key.upper() in _PROXIES}
        return tuple(sorted(found.items()))

    def completed(self, platforms: tuple[str, ...], epoch: int | None) -> BuildOptions:
        """Return the request, completed with the values of the build file that the caller did not set."""
        own = tuple(Platform.parse(text) for text in platforms)
        options = self
        if own and not self.raw.get("platform"):
            options = replace(options, platforms=own, multi_platform=self.multi_platform or len(own) > 1)
        if epoch is not None and not self.build_args.get("SOURCE_DATE_EPOCH"):
            options = replace(options, epoch=epoch)
        return options

    def platform_arguments(self, platform: Platform) -> dict[str, str]:
        """Return the arguments that every build file has: the target platform and the build platform."""
        return {
            f"{side}{name}": value
            for side, each in (("TARGET", platform), ("BUILD", self.build_platform))
            for name, value in (
                ("PLATFORM", str(each)), ("OS", each.os), ("ARCH", each.architecture), ("VARIANT", each.variant),
            )
        }  # fmt: skip

    def on(self, platform: Platform) -> BuildOptions:
        """Return the part of the request that is about one platform."""
        return replace(self, platforms=(platform,))

    def ignores_cache(self, *names: str) -> bool:
        """Return whether steps with any of these names must not come from the cache."""
        if self.no_cache is None:
            return False
        return not self.no_cache or any(name.lower() in self.no_cache for name in names)


def parse_environment(environment: Mapping[str, str]) -> BuildOptions:
    """Return the request in the environment that BuildKit made. Raises `UserError` for a malformed option."""
    raw = dict(value.partition("=")[::2] for key, value in sorted(environment.items()) if key.startswith(_OPT))
    workers = documents.read(environment.get("BUILDKIT_WORKERS", "[]").encode(), "its list of workers", [{}])
    return parse_options(raw, workers=workers, session_id=environment.get("BUILDKIT_SESSION_ID", ""))


def parse_options(raw: Mapping[str, str], *, workers: list[dict[str, object]], session_id: str = "") -> BuildOptions:
    """Return the request for the options `raw` on an engine with these workers. The first is the default."""
    build_platform = _build_platform(workers)
    build_args = _prefixed(raw, "build-arg:")
    multi = raw.get("multi-platform") or build_args.get("BUILDKIT_MULTI_PLATFORM", "")
    platforms = _platforms(raw.get("platform", "")) or (build_platform,)
    return BuildOptions(
        filename=raw.get("filename") or DEFAULT_FILENAME,
        target=raw.get("target", ""),
        build_args=build_args,
        labels=_prefixed(raw, "label:"),
        platforms=platforms,
        build_platform=build_platform,
        runs=frozenset((build_platform.architecture, *_architectures(workers))),
        multi_platform=len(platforms) > 1 or _truth(multi),
        no_cache=_no_cache(raw),
        resolve_mode=_choice(raw, "image-resolve-mode", ("default", "local", "pull")) or "default",
        network=_choice(raw, "force-network-mode", ("default", "host", "none", "sandbox")),
        add_hosts=_add_hosts(raw.get("add-hosts", "")),
        ulimits=_ulimits(raw.get("ulimit", "")),
        shm_size=_integer("shm-size", raw["shm-size"]) if raw.get("shm-size") else None,
        cgroup_parent=raw.get("cgroup-parent") or None,
        hostname=raw.get("hostname") or build_args.get("BUILDKIT_SANDBOX_HOSTNAME") or None,
        cache_imports=_cache_imports(raw),
        cache_namespace=build_args.get("BUILDKIT_CACHE_MOUNT_NS", ""),
        epoch=_epoch(build_args.get("SOURCE_DATE_EPOCH", "")),
        sbom=_sbom(raw),
        request_id=raw.get("requestid", ""),
        source=raw.get("source", ""),
        session_id=session_id,
        raw=raw,
    )


def _prefixed(raw: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in sorted(raw.items()) if key.startswith(prefix)}


def _build_platform(workers: list[dict[str, object]]) -> Platform:
    try:
        first = workers[0]["platforms"][0]  # type: ignore[index]
        return Platform(first["os"], first["architecture"], first.get("variant", "")).normalized()
    except (LookupError, TypeError, AttributeError):
        return Platform("linux", "amd64")


def _architectures(workers: list[dict[str, object]]) -> tuple[str, ...]:
    try:
        return tuple(str(each["architecture"]) for each in workers[0]["platforms"])  # type: ignore[attr-defined]
    except (LookupError, TypeError):
        return ()


def _platforms(text: str) -> tuple[Platform, ...]:
    try:
        return tuple(Platform.parse(part.strip()) for part in text.split(",") if part.strip())
    except LlbError as error:
        raise UserError(f"`--platform`: {error}") from None


def _no_cache(raw: Mapping[str, str]) -> tuple[str, ...] | None:
    if "no-cache" not in raw:
        return None
    return tuple(sorted(name.strip().lower() for name in raw["no-cache"].split(",") if name.strip()))


def _choice(raw: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str | None:
    value = raw.get(key, "")
    if value and value not in choices:
        raise UserError(f"{code(key)} {must_be(listing(choices))}; got {quote(value)}")
    return value or None


def _add_hosts(text: str) -> tuple[tuple[str, str], ...]:
    hosts = []
    for item in _csv(text):
        host, equals, address = item.partition("=")
        if not (host and equals and address):
            raise UserError(f"`--add-host` {must_be('HOST=IP', ('db=10.0.0.5',))}; got {quote(item)}")
        hosts.append((host, address))
    return tuple(hosts)


def _ulimits(text: str) -> tuple[tuple[str, int, int], ...]:
    limits = []
    for item in _csv(text):
        found = re.fullmatch(r"([^=]+)=(-?[0-9]+)(?::(-?[0-9]+))?", item)
        if found is None:
            raise UserError(f"`--ulimit` {must_be('NAME=SOFT[:HARD]', ('nofile=1024:2048',))}; got {quote(item)}")
        limits.append((found[1], int(found[2]), int(found[3] or found[2])))
    return tuple(limits)


def _cache_imports(raw: Mapping[str, str]) -> tuple[tuple[str, Mapping[str, str]], ...]:
    if "cache-imports" in raw:
        read = documents.read(raw["cache-imports"].encode(), "its list of caches", _CACHES)
        return tuple((item["Type"], item.get("Attrs") or {}) for item in read)
    refs = (ref.strip() for ref in raw.get("cache-from", "").split(","))
    return tuple(("registry", {"ref": ref}) for ref in refs if ref)


def _sbom(raw: Mapping[str, str]) -> str | None:
    # Both spellings count: some clients refuse the first for some image stores.
    for key in ("attest:sbom", "build-arg:BUILDKIT_ATTEST_SBOM"):
        if key in raw:
            given = dict(item.partition("=")[::2] for item in _csv(raw[key]))
            return None if given.get("disabled") == "true" else given.get("generator", "")
    return None


def _epoch(text: str) -> int:
    try:
        return clock.parse(text) if text else DEFAULT_EPOCH
    except ValueError:
        expected = must_be(f"seconds since 1970-01-01, a whole number from 0 to {clock.LAST}")
        raise UserError(f"`SOURCE_DATE_EPOCH` {expected}; got {quote(text)}") from None


def _csv(text: str) -> list[str]:
    try:
        return [item for item in next(csv.reader([text]), []) if item]
    except csv.Error:  # a line break outside of quotes
        raise UserError(f"{quote(text)} must be one line of values with commas between them") from None


def _integer(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"`--{key}` {must_be('a whole number')}; got {quote(text)}") from None


def _truth(text: str) -> bool:
    return text.lower() in ("1", "t", "true")
