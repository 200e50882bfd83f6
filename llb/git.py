"""Git repositories."""

from __future__ import annotations

import re
from typing import Unpack

from .errors import LlbError
from .op import State
from .source import Attributes
from .vertex import VertexOptions

_URL = re.compile(r"(?P<scheme>https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/]+)/+(?P<path>.+)")
_SCP = re.compile(r"(?:[\w.-]+@)(?P<host>[^/:]+):(?P<path>.+)")


def git(
    url: str,
    *,
    ref: str = "",
    subdir: str = "",
    checksum: str = "",
    keep_git_dir: bool = False,
    known_ssh_hosts: str = "",
    ssh_socket: str = "",
    **options: Unpack[VertexOptions],
) -> State:
    """Return the tree of a git repository at branch, tag or commit `ref` (empty: the default branch).

    `url` is `https://host/path`, `ssh://user@host/path` or `user@host:path`. `checksum` is the commit that
    `ref` must resolve to. For ssh, `ssh_socket` is the client's agent (empty: `default`) and `known_ssh_hosts`
    contains the lines of a known_hosts file.
    """
    match = _URL.fullmatch(url) or _SCP.fullmatch(url)
    if match is None:
        raise LlbError(f"{url!r} is not the URL of a git repository, for example https://host/project.git")
    over_ssh = match.re is _SCP or match["scheme"] == "ssh"
    place = f"{ref}:{subdir}" if subdir else ref
    attributes = Attributes("source.git")
    attributes.add("git.fullurl", url, "source.git.fullurl")
    attributes.add("git.authtokensecret", "GIT_AUTH_TOKEN")
    attributes.add("git.authheadersecret", "GIT_AUTH_HEADER")
    attributes.add("git.keepgitdir", "true" if keep_git_dir else "", "source.git.keepgitdir")
    attributes.add("git.checksum", checksum, "source.git.checksum")
    if over_ssh:
        attributes.add("git.mountsshsock", ssh_socket or "default", "source.git.mountsshsock")
        attributes.add("git.knownsshhosts", known_ssh_hosts, "source.git.knownsshhosts")
    return attributes.state(f"git://{match['host']}/{match['path']}{f'#{place}' if place else ''}", **options)
