"""What to write instead of keys that people know from compose, cloud-init and Dockerfiles, by what they stand in."""

from __future__ import annotations

from collections.abc import Mapping


def _hints(*rows: tuple[str, str]) -> Mapping[str, str]:
    """Return hints by key; the keys of a row have spaces between them."""
    return {name: hint for names, hint in rows for name in names.split()}


_OWN_SERVICE = "what starts at boot is a service: write `services: {NAME: {command: ...}}`"
_SUDO = (
    "put the user into the group of administrators (`groups: [sudo]`, on Alpine `[wheel]`); rules go to a file in "
    "/etc/sudoers.d, in `files`"
)

SPEC = _hints(
    ("from image", "write `base: {image: NAME}`"),
    ("build dockerfile", "write `base: {dockerfile: Dockerfile}`"),
    ("environment env", "a build step has its own, `run: [{script: ..., env: {...}}]`, and so has a service; what all "
     "users see is in /etc/environment: write it in `files`"),
    ("volumes tmpfs disk_setup fs_setup", "what the running system mounts, and makes, is in `mounts`; what a build "
     "step sees, in `mounts` of `run`"),
    ("secrets", "a secret is given with `--secret id=ID,src=FILE`; `run` takes it with "
     "`mounts: [\"type=secret,id=ID\"]`, a user with `password: {secret: ID}`"),
    ("ports expose", "the system is a whole machine: all its ports are reachable, so leave it out"),
    ("cmd command entrypoint", _OWN_SERVICE),
    ("copy add write_files configs", "write `files: {/PATH: {source: ...}}`, or `{content: ...}`"),
    ("runcmd", "`run` has the commands of the build; " + _OWN_SERVICE),
    ("bootcmd", _OWN_SERVICE),
    ("apt apk_repos sources", "write `repositories`"),
    ("package_update package_upgrade", "the lists are always new; name a newer `base` for newer packages"),
    ("ssh_authorized_keys", "keys belong to a user: write `users: [{name: ..., ssh_authorized_keys: [...]}]`"),
    ("password chpasswd", "write `users: [{name: ..., password: HASH}]`"),
    ("ssh_pwauth disable_root", "write the server's own configuration in `files`, below /etc/ssh/sshd_config.d"),
    ("fqdn", "write `hostname`"),
    ("timezone", "write `files: {/etc/localtime: {symlink: /usr/share/zoneinfo/...}}`"),
    ("extra_hosts manage_etc_hosts", "write `hosts: {NAME: ADDRESS}`"),
    ("nameservers resolv_conf", "write `dns: {servers: [...]}`"),
    ("networks interfaces", "write `network: {ethernets: {...}}`"),
    ("sysctl sysctls", "write `kernel: {sysctl: {...}}`"),
    ("cmdline", "write `kernel: {cmdline: ...}`"),
    ("modules firmware microcode", "write it in `kernel`"),
    ("format", "write `outputs: [...]`"),
    ("compression", "write `rootfs: {compression: ...}`"),
)  # fmt: skip
BASE = _hints(
    ("from", "write `image`"),
    ("file", "write `dockerfile`"),
    ("name", "write `preset`"),
    ("version tag suite", "write `{preset: NAME, release: ...}`, or `{image: NAME:TAG}`"),
    ("git url", "give it with `--build-context NAME=ADDRESS`, and write `context: NAME`"),
)
USER = _hints(
    ("gecos", "write `comment`"),
    ("sudo doas", _SUDO),
    ("plain_text_passwd", "clear text would be readable in the image: write `password` with what `openssl passwd -6` "
     "makes"),
    ("passwd hashed_passwd", "write `password`"),
    ("lock_passwd", "leave `password` out, and no password lets a new user in; `lock: true` keeps keys out, too"),
    ("primary_group", "write `group`"),
    ("homedir", "write `home`"),
    ("no_create_home", "write `system: true` for an account without home folder"),
    ("no_user_group", "write `group`"),
    ("ssh_import_id", "write the keys themselves to `ssh_authorized_keys`"),
    ("keys ssh_keys", "write `ssh_authorized_keys`"),
)  # fmt: skip
FILE = _hints(
    ("text data", "write `content`"),
    ("permissions chmod", "write `mode`"),
    ("chown user group", "write `owner: USER:GROUP`"),
    ("path dest destination", "the path is the key: `/PATH: {content: ...}`"),
    ("src", "write `source`"),
    ("from", "write `image` or `context`"),
    ("sha256 digest", "write `checksum: sha256:...`"),
    ("link target", "write `symlink: TARGET`"),
    ("encoding", "content is text as it is; put other files into the build context and name them with `source`"),
    ("append", "a file is written as a whole; a step of `run` can add to one"),
)
RUN = _hints(
    ("cmd command commands", "write `script`"),
    ("shell", "scripts are for `/bin/sh -eu`: start another shell in it, such as bash with a text from `<<'EOF'`"),
    ("environment", "write `env`"),
    ("user", "a step runs as root: use `su NAME -c ...` in it"),
    ("workdir working_dir working_directory cwd", "start the script with `cd`"),
    ("volumes", "write `mounts`"),
    ("secrets", "write `mounts: [\"type=secret,id=ID\"]`"),
)  # fmt: skip
_CONTAINER = "services are those of the init system, not containers"
SERVICE = _hints(
    ("environment", "write `env`"),
    ("depends_on", "write `after`"),
    ("entrypoint exec", "write `command`"),
    ("working_dir workdir cwd", "write `working_directory`"),
    ("enable enabled runlevel", "write `NAME: true`, `false` or the runlevel, without further keys"),
    ("type", "`oneshot: true` is for what ends by itself: leave it out otherwise"),
    ("image build ports volumes networks container_name healthcheck deploy", _CONTAINER),
)
MOUNT = _hints(
    ("type", "write `fstype`"),
    ("source src", "write `device`"),
    ("size", "write `tmpfs: SIZE`"),
    ("path target dest", "the folder is the key: `/data: {device: ...}`"),
    ("nofail", "write `optional: true`"),
)
KERNEL = _hints(
    ("args append parameters command_line", "write `cmdline`"),
    ("package image", "add the kernel's package to `packages`, or copy its files with `files`: what the system has is "
     "booted"),
    ("params", "write `cmdline` or `sysctl`"),
)  # fmt: skip
OUTPUT = _hints(
    ("type", "write `format`"),
    ("file filename path", "write `name`, without folder or ending"),
    ("compression", "write `rootfs: {compression: ...}` at the top of the file"),
    ("size", "a disk is as large as what is in it: make more room where it is used"),
)
