"""What `package_manager` gives to the real apt and apk, and package files; what is told when something is missing."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.test_failures import MARK
from tests.support import leftovers
from tests.support.alpine import Alpine
from tests.support.apk_repository import serve
from tests.support.apt_repository import Deb, publish, publish_flat
from tests.support.engine import IMAGES, BuildResult, Engine
from tests.support.house import HOST, LOGIN, House, house
from tests.support.house import MARK as PASSWORD_MARK
from tests.support.managers import Manager, debian

pytestmark = pytest.mark.engine

SETTINGS = """\
package_manager:
  ca: {source: ca.pem}
  credentials: {secret: netrc}
"""


@pytest.fixture
def company(manager: Manager, tmp_path: Path) -> Iterator[House]:
    """Serve the repository of the package manager as companies do."""
    with house(tmp_path, manager.repository) as found:
        shutil.copy(found.certificate, manager.project / "ca.pem")
        yield found


def files_of(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: file.read() for member in tar if member.isreg() and (file := tar.extractfile(member))}


def test_a_certificate_a_password_and_a_proxy(
    manager: Manager, company: House, throwaway_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    """The package comes by them, and no place has the password afterwards."""
    own = throwaway_engine(containerd_store=True)
    if manager.image not in IMAGES:
        manager.engine.give_images(own, (manager.image,))
    there = replace(manager, engine=own)
    text = f"packages: [acme]\n{manager.repositories(f'https://{HOST}')}{SETTINGS}  proxy: {company.proxy}\n"
    secret = f"--secret=id=netrc,src={company.netrc}"
    there.write(text)
    kinds, leaks, said = set(), [], set()
    for place in leftovers.build(own, tmp_path / "engine", manager.project, tmp_path, "--network=host", secret):
        kinds.add(place.kind)
        if place.holds(PASSWORD_MARK, f"{LOGIN}:"):
            leaks.append((place.kind, place.name))
        if place.holds("echo acme > /said"):
            said.add(place.kind)
    assert kinds == leftovers.KINDS
    assert leaks == []
    assert "engine" in said, "what is searched has the scripts of packages"
    assert {status for name, status in company.answered if name.endswith(("apk", "deb"))} >= {200}
    assert set(company.passed) == {f"CONNECT {HOST}"}
    there.build(text, secret, output=f"type=tar,dest={tmp_path}/system.tar").check()
    files = files_of(tmp_path / "system.tar")
    assert files["said"] == b"acme\n"
    certificate = company.certificate.read_bytes().split()[2]
    assert [name for name, content in files.items() if certificate in content] == []
    assert [name for name in files if "run/claylinux" in name] == []


MISSING = {
    "certificate": ("  ca: {source: ca.pem}\n", "the certificate of a server is not valid here"),
    "password": ("  credentials: {secret: netrc}\n", "a server does not accept the name and password, or wants some"),
}


def test_what_is_missing_is_told_at_its_line(manager: Manager, company: House, tmp_path: Path) -> None:
    head = f"packages: [acme]\n{manager.repositories(company.url)}"
    good = f"--secret=id=netrc,src={company.netrc}"
    wrong = tmp_path / "wrong"
    wrong.write_text(company.netrc.read_text().replace(PASSWORD_MARK, "wrong"))
    cases = [(SETTINGS.replace(line, ""), [good], words) for line, words in MISSING.values()]
    cases += [
        (SETTINGS, [f"--secret=id=netrc,src={wrong}"], MISSING["password"][1]),
        (SETTINGS, [], "acme needs the secret `netrc`: pass it with --secret id=netrc,src=FILE (or env=VARIABLE)"),
        (f"{SETTINGS}  proxy: http://127.0.0.1:9\n", [good], "check the network, the proxy, "),
        (f"{SETTINGS}  proxy: http://proxy.test\n", [good], "check the network, the proxy, "),
    ]
    for settings, args, words in cases:
        log, lines = failure(manager.build(head + settings, *args))
        assert words in log, log
        assert lines == list(range(7, 6 + len(settings.splitlines())))
    log, lines = failure(manager.build(head))
    assert MISSING["certificate"][1] in log
    assert lines == [5]
    assert "wrong" not in log


def failure(result: BuildResult) -> tuple[str, list[int]]:
    """Return the log of a failed build, and the marked lines of the build file."""
    assert result.returncode != 0, "the build must fail"
    assert "Traceback" not in result.log
    assert result.log.count("claylinux: ") <= 1 + result.log.count("\n > "), "one message, which Docker repeats"
    return result.log, [int(number) for number, _ in MARK.findall(result.log)]


def test_a_package_file_brings_what_it_needs(manager: Manager, tmp_path: Path) -> None:
    with serve(manager.repository) as (url, _):
        text = f"packages: [./{manager.local}]\n{manager.repositories(url)}"
        manager.build(text, output=f"type=tar,dest={tmp_path}/system.tar").check()
        assert files_of(tmp_path / "system.tar")["said"] == b"acme\n"
        manager.build(f"{text}remove_packages: [local]\n", output=f"type=tar,dest={tmp_path}/removed.tar").check()
        assert "said" in files_of(tmp_path / "removed.tar")


def test_what_is_wrong_with_a_package_file_is_told(manager: Manager) -> None:
    file = manager.project / manager.local
    log, lines = failure(manager.build(f"packages:\n- ./{file.name}\n"))
    trusted = manager.name == "apt"
    words = "cannot be installed (see the output of" if trusted else "is signed by nobody whom this system trusts"
    assert f"claylinux: ./{file.name} {words}" in log
    assert lines == [4]
    file.write_bytes(file.read_bytes()[:200])
    log, _ = failure(manager.build(f"packages: [./{file.name}]\n"))
    assert f"claylinux: ./{file.name} cannot be installed (see the output of" in log
    file.unlink()
    log, lines = failure(manager.build(f"packages: [./{file.name}]\n"))
    assert file.name in log
    assert lines == [3]


def test_all_of_a_preset_comes_by_the_proxy(alpine: Alpine, tmp_path: Path) -> None:
    """Its packages, the kernel and microcode as well; nothing is asked for on another way."""
    (tmp_path / "project").mkdir()
    with house(tmp_path, tmp_path) as found:
        text = "# syntax=claylinux/frontend\nbase: alpine-virt\npackages: [clay-tool]\nkernel: {microcode: intel}\n"
        (tmp_path / "project/claylinux.yaml").write_text(f"{text}package_manager: {{proxy: '{found.proxy}'}}\n")
        alpine.asked.clear()
        alpine.build(tmp_path / "project", "--target=image", "--no-cache").check()
        assert len(found.passed) == len(alpine.asked) > 4
        assert set(found.passed) == {"GET 127.0.0.1"}


def test_a_flat_repository_and_what_packages_recommend(engine: Engine, tmp_path: Path) -> None:
    apt = debian(engine, tmp_path)
    assert apt.signer is not None
    more = Deb(name="more", postinst="echo more > /more")
    publish_flat([Deb(name="flat", postinst="echo flat > /flat", recommends="more"), more], apt.signer, apt.repository)
    with serve(apt.repository) as (url, _):
        found = []
        for recommends in ("false", "true"):
            text = f"packages: [flat]\nrepositories: [{{url: '{url}', suites: ./, key: {{source: key.asc}}}}]\n"
            text += f"package_manager: {{recommends: {recommends}}}\n"
            apt.build(text, output=f"type=tar,dest={tmp_path}/system.tar").check()
            files = files_of(tmp_path / "system.tar")
            assert files["flat"] == b"flat\n"
            found.append("more" in files)
        assert found == [False, True]
        publish([Deb(name="acme", depends="absent")], apt.signer, apt.repository)
        log, lines = failure(apt.build(f"packages: [acme]\n{apt.repositories(url)}"))
        assert "claylinux: acme cannot be installed (see the output of apt above)" in log
        assert lines == [3]
