"""Passwords for an apk that reads no netrc: a stand-in, of which there are more versions than real ones at hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from frontend.distro.apk_credentials import credentials
from frontend.distro.family import MEMORY

NETRC = """\
machine packages.example login me password s3/cr:t@%é
machine other.example
  login you
  password two
"""
REPOSITORIES = """\
https://packages.example/v3/main
@edge http://other.example:8080/edge
https://own:login@packages.example/v3
https://packages.example.org/main
/media/cdrom
"""
WITH_PASSWORDS = """\
https://me:s3%2Fcr%3At%40%25%C3%A9@packages.example/v3/main
@edge http://you:two@other.example:8080/edge
https://own:login@packages.example/v3
https://packages.example.org/main
/media/cdrom
"""
APK = """\
#!/bin/sh
case $1 in
  --version) echo "apk-tools $VERSION, compiled for x86_64." ;;
  version) [ "$(printf '%s\\n' "$3" "$4" | sort -V | head -n 1)" = "$4" ] && echo '>' || echo '<' ;;
esac
"""


def run(folder: Path, version: str, netrc: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a system below `folder`; print the file that apk is given, and whether lists are left."""
    for name in ("bin", "memory", "cache", "etc"):
        (folder / name).mkdir()
    (folder / "bin/apk").write_text(APK)
    (folder / "bin/apk").chmod(0o755)
    (folder / "netrc").write_text(netrc)
    (folder / "etc/repositories").write_text(REPOSITORIES)
    (folder / "cache/APKINDEX.1.tar.gz").touch()
    script = credentials(str(folder / "cache")).replace(MEMORY, str(folder / "memory"))
    script = script.replace("/etc/apk", str(folder / "etc")) + '[ -z "$repositories" ] || cat "$repositories"\n'
    env = {"PATH": f"{folder}/bin:/usr/bin:/bin", "VERSION": version, "LC_ALL": "C"}
    env |= {"NETRC": str(folder / "netrc")} if netrc else {}
    return subprocess.run(["sh", "-euc", script], env=env, text=True, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("version", "netrc", "told", "listed"),
    [
        ("2.14.4", NETRC, WITH_PASSWORDS, False),
        ("2.12.0", NETRC, WITH_PASSWORDS, False),
        ("2.14.10", NETRC, "", True),
        ("3.0.6", NETRC, "", True),
        ("2.14.4", "", "", True),
    ],
)
def test_only_an_old_apk_gets_passwords_in_urls(
    tmp_path: Path, version: str, netrc: str, told: str, *, listed: bool
) -> None:
    done = run(tmp_path, version, netrc)
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert any((tmp_path / "cache").iterdir()) == listed


def test_an_apk_that_would_print_passwords_gets_none(tmp_path: Path) -> None:
    done = run(tmp_path, "2.10.4", NETRC)
    assert done.returncode == 1
    assert done.stderr == "claylinux: package_manager: apk 2.10.4 would print the password: take a newer base\n"
