"""Where the files of one machine are: its keys, its names, its logs. `imager.rootfs.seal` says what becomes of them.

The planner reads this table, too: it imports nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ANY = ".*"
LOGS = "var/log"
MACHINE_ID = "etc/machine-id"
"""It is emptied: without the file, systemd would take every boot for the first one after an installation."""


class Rule(NamedTuple):
    """What is left out of a directory: the names that match. `link_to`: only links with this target."""

    directory: str
    names: str
    link_to: str = ""


RULES = (
    Rule("var/lib/dbus", "machine-id"),
    Rule("etc", "hostid|dhcpcd\\.(duid|secret)"),
    Rule("etc/ssh", r"ssh_host_.*key(\.pub|-cert\.pub)?"),
    Rule("etc/dropbear", r"dropbear_.*host_key(\.pub)?"),
    Rule("etc/dropbear/initramfs", r"dropbear_.*host_key(\.pub)?"),
    Rule("etc/tinyssh/sshkeydir", _ANY),
    Rule("etc/nvme", "hostnqn|hostid"),
    Rule("etc/iscsi", r"initiatorname\.iscsi"),
    Rule("etc/ssl/private", r"ssl-cert-snakeoil\.key"),
    Rule("etc/ssl/certs", r"ssl-cert-snakeoil\.pem"),
    Rule("etc/ssl/certs", _ANY, link_to="ssl-cert-snakeoil.pem"),
    Rule("etc/udev/rules.d", r"(70-persistent-(net|cd)|z25_persistent-(net|cd))\.rules"),
    Rule("var/lib", "random-seed"),
    Rule("var/lib/misc", "random-seed"),
    Rule("var/lib/urandom", "random-seed"),
    Rule("var/lib/seedrng", r"seed\..*"),
    Rule("var/lib/systemd", r"random-seed|credential\.secret"),
    Rule("var/lib/dhcp", r".*leases?"),
    Rule("var/lib/dhclient", r".*leases?"),
    Rule("var/lib/dhcpcd", r".*\.lease6?|duid|secret"),
    Rule("var/lib/NetworkManager", r".*\.lease|secret_key|seen-bssids|timestamps"),
    Rule("var/lib/cloud", "data|handlers|instance|instances|sem"),
)


def may_be_one(path: str) -> bool:
    """Return whether a file may belong to one machine, as far as its name tells: links may lead to its directory."""
    directory, _, name = path.strip("/").rpartition("/")
    named = (directory == rule.directory if rule.names == _ANY else re.fullmatch(rule.names, name) for rule in RULES)
    return name == "machine-id" or "log/" in path or any(named)
