"""Short names of the kinds of values, for the reference page: `words.HostName` is a "host name".

A name comes from the type in `spec.values`, so a new type has one. `_WORDS` has the few that would read badly.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache
from importlib import import_module
from typing import Annotated, get_args, get_origin

import spec.values
from spec.values.kinds import Kind, Text

_WORDS = {
    "Address": "IP address",
    "CommandLine": "command",
    "Comment": "comment",
    "Content": "text",
    "Destination": "network",
    "DriverGlob": "driver pattern",
    "FirmwareGlob": "firmware pattern",
    "FsType": "file system type",
    "GitAddress": "Git address",
    "HostsName": "name in /etc/hosts",
    "ImageName": "image",
    "InterfaceGlob": "interface pattern",
    "KernelWord": "kernel arguments",
    "Line": "one-line text",
    "LinkTarget": "link target",
    "ModuleGlob": "module pattern",
    "MountText": "mount",
    "OwnerName": "owner",
    "Script": "shell commands",
    "SecretId": "secret ID",
    "SizedAddress": "IP address with prefix length",
    "SshKey": "SSH key",
    "Suite": "suite or component",
    "Title": "title",
    "Url": "URL",
    "UserName": "login name",
    "VersionText": "version",
}


@cache
def names() -> dict[Kind, str]:
    """Return the short name of every text kind that is no list of choices."""
    found: dict[Kind, str] = {}
    for module in pkgutil.iter_modules(spec.values.__path__, "spec.values."):
        for name, hint in vars(import_module(module.name)).items():
            kind = get_args(hint)[1] if get_origin(hint) is Annotated else None
            if isinstance(kind, Text) and not kind.choices:
                found[kind] = _WORDS.get(name) or " ".join(re.findall(r"[A-Z][a-z]*", name)).lower()
    return found
