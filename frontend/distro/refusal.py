"""What a step says when its package manager cannot read the package lists."""

from __future__ import annotations

UNREACHABLE = 69
"""The exit code of such a step (EX_UNAVAILABLE of sysexits.h). The cause may be in `package_manager`."""


def unreachable(manager: str, otherwise: str) -> str:
    """Return a shell function `unreachable` that ends the step. Its argument is the output of the package manager.

    It tells the cause if that is in the output, else what to check: the network, and what `otherwise` says.
    """
    return f"""\
unreachable() {{
  printf '%s\\n' "$1" >&2
  case $1 in
    *ertificate*|*"hostname mismatch"*)
      set -- "the certificate of a server is not valid here: if an authority of your own has signed it, name that" \
        "one in package_manager.ca" ;;
    *[Uu]nauthorized*|*[Ff]orbidden*|*[Pp]"ermission denied"*)
      set -- "a server does not accept the name and password, or wants some: see package_manager.credentials" ;;
    *UNTRUSTED*|*NO_PUBKEY*|*"verify signature"*)
      set -- "the key of a repository is missing or wrong: see the key of repositories" ;;
    *)
      set -- "check the network, ${{http_proxy:+the proxy, }}{otherwise}" ;;
  esac
  echo "claylinux: {manager} cannot read the package lists (see its output above): $*" >&2
  exit {UNREACHABLE}
}}
"""
