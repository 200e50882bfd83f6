"""The imager opens and changes files of a system in a few modules only: everything else goes through these."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

IMAGER = Path(__file__).resolve().parents[3] / "imager"
OF_PATH = frozenset(
    {
        *("chmod", "exists", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink", "iterdir", "lchmod", "mkdir"),
        *("open", "read_bytes", "read_text", "readlink", "rename", "rglob", "rmdir", "stat", "symlink_to", "touch"),
        *("unlink", "write_bytes", "write_text", "splitlines"),
    }
)
"""Methods that reach a file by its path, and one that ends lines where no program of a system does."""
OF_OS = frozenset(
    {
        *("chmod", "chown", "fwalk", "lchown", "link", "listdir", "lstat", "makedirs", "mkdir", "mkfifo", "mknod"),
        *("open", "readlink", "remove", "rename", "replace", "rmdir", "scandir", "stat", "symlink", "unlink", "utime"),
        *("walk", "path.exists", "path.isdir", "path.isfile", "path.islink", "path.lexists", "path.realpath"),
    }
)
DOORS = {
    "rootfs/resolution.py": {"os.open", "os.mkdir", "os.readlink"},
    "rootfs/root.py": {"os.open", "os.listdir", "os.lstat", "os.stat", "os.readlink"},
    "rootfs/writing.py": {
        *("os.open", "os.stat", "os.mkdir", "os.rmdir", "os.unlink", "os.symlink", "os.chown", "os.utime"),
        *("os.link", "os.mknod", "os.chmod"),
    },
    "rootfs/tree.py": {"os.scandir", "os.lstat", ".stat"},  # lists without following, for packing
}
"""What systems are read and changed with."""
PACKING = {
    "archive/batch_writer.py": {"os.open"},
    "archive/cpio_writer.py": {"os.readlink"},
    "initramfs/changes.py": {"os.readlink"},
    "initramfs/layers.py": {"os.readlink", ".is_dir", ".open"},
    "rootfs/copying.py": set[str](),
}
"""Entries of a walk, which are regular files, or links that are not followed."""
OWN_FILES = {
    "build_image.py": {".is_dir", ".mkdir", ".stat"},
    "customize/hashes.py": {"os.utime"},
    "customize/sealing.py": {".readlink", ".stat"},
    "customize/guest.py": {".is_file", ".iterdir", ".read_text"},
    "customize/update.py": {".read_text"},
    "core/output.py": {"os.open", "os.utime", ".open", ".is_file", ".read_text", ".rename", ".unlink"},
    "disk/enroll.py": {".read_bytes"},
    "initramfs/bootstrap.py": {".is_file", ".read_bytes"},
    "initramfs/cpio_segment.py": {".is_dir", ".is_file", ".stat"},
    "initramfs/snapshots.py": {"os.path.realpath", ".exists", ".read_bytes", ".splitlines"},
    "kernel/depmod.py": {".mkdir", ".symlink_to", ".write_bytes", ".read_bytes", ".glob"},
    "report/findings.py": {".read_bytes"},
    "report/inspection.py": {".is_dir"},
    "report/page/page.py": {".read_text"},
    "report/sizes.py": {".read_bytes", ".stat"},
    "sbom/boot.py": {".read_bytes"},
    "sbom/digests.py": set[str](),
    "sbom/inventory.py": {".is_dir"},
    "sbom/licenses.py": {".read_text"},
    "request.py": {".splitlines"},
    "secureboot/certificates.py": {".is_file"},
    "secureboot/enrollment.py": {".exists"},
    "secureboot/keyring.py": {
        "os.open",
        ".exists",
        ".glob",
        ".is_file",
        ".mkdir",
        ".read_bytes",
        ".read_text",
        ".unlink",
    },
    "uki/layout.py": {".is_file", ".read_bytes", ".stat"},
    "uki/pe.py": {".read_bytes", ".stat"},
    "uki/sections.py": {".read_bytes", ".stat"},
    "update/index.py": {".read_bytes"},
    "update/pieces.py": {".chmod", ".mkdir", "os.utime"},
}
"""Files of ours, of the builder, or places that `Root.file` found."""
ALLOWED = {**DOORS, **PACKING, **OWN_FILES}


def used(code: str) -> set[str]:
    """Return the forbidden calls in a module, `os.open` or `.read_text` for example."""
    found = set()
    for call in ast.walk(ast.parse(code)):
        node = call.func if isinstance(call, ast.Call) else None
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if owner == "shutil" and node.attr != "rmtree":
                found.add("shutil")
            elif owner == "os" and node.attr in OF_OS:
                found.add(f"os.{node.attr}")
            elif owner == "os.path" and f"path.{node.attr}" in OF_OS:
                found.add(f"os.path.{node.attr}")
            elif owner not in ("os", "os.path", "re", "root", "self", "self._root") and node.attr in OF_PATH:
                found.add(f".{node.attr}")
        elif isinstance(node, ast.Name) and isinstance(call, ast.Call) and node.id == "open":
            found |= set() if ast.unparse(call.args[0]) == "fd" else {"open"}
    return found


@pytest.mark.parametrize("module", sorted(str(path.relative_to(IMAGER)) for path in IMAGER.rglob("*.py")))
def test_files_are_reached_through_the_door(module: str) -> None:
    assert used((IMAGER / module).read_text()) == ALLOWED.get(module, set())


def test_the_rule_sees_each_way_around() -> None:
    for code, found in {
        "import os\nos.open(path, 0)": {"os.open"},
        "place.read_text()": {".read_text"},
        "(root.path / 'x').write_bytes(b'')": {".write_bytes"},
        "text.splitlines()": {".splitlines"},
        "import shutil\nshutil.copytree(a, b)": {"shutil"},
        "open(path)": {"open"},
        "os.path.exists(path)": {"os.path.exists"},
        "root.read('etc/passwd')": set(),
    }.items():
        assert used(code) == found, code


def test_no_expression_for_lines_goes_on_in_the_next_line() -> None:
    """With re.MULTILINE, `^\\s*` begins at every line, and runs over all empty ones behind it: time by their square."""
    found = [
        (path.name, ast.unparse(node.args[0]))
        for path in IMAGER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and any("re.MULTILINE" in ast.unparse(each) for each in node.args)
    ]
    assert len(found) >= 4
    assert [each for each in found if "\\\\s*" in each[1] or "\\\\s+" in each[1]] == []
