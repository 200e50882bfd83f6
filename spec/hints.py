"""What to write instead of keys that people know from compose, cloud-init and Dockerfiles, by the mapping."""

from __future__ import annotations

from collections.abc import Mapping


def _hints(*rows: tuple[str, str]) -> Mapping[str, str]:
    """Return the hint of each key. A row can have several keys, with spaces between them."""
    return {name: hint for names, hint in rows for name in names.split()}


_OWN_SERVICE = "to start a program at boot, write a service: `services: {NAME: {command: ...}}`"
_SUDO = (
    "add the user to the administrators (`groups: [sudo]`, on Alpine `groups: [wheel]`); for other rules, write a file "
    "in /etc/sudoers.d with `files`"
)

SPEC = _hints(
    ("from image", "write `base: {image: NAME}`"),
    ("build dockerfile", "write `base: {dockerfile: Dockerfile}`"),
    ("environment env", "for a build step, write `run: [{script: ..., env: {...}}]`; for a service, write `env` in it; "
     "for all users, write /etc/environment with `files`"),
    ("volumes tmpfs disk_setup fs_setup", "for the running system, write `mounts`; for a build step, write `mounts` in "
     "`run`"),
    ("secrets", "pass a secret with `--secret id=ID,src=FILE`, and use it in `run` "
     "(`mounts: [\"type=secret,id=ID\"]`) or for a user (`password: {secret: ID}`)"),
    ("ports expose", "remove it: the system is a whole machine, and all its ports are reachable"),
    ("cmd command entrypoint", _OWN_SERVICE),
    ("copy add write_files configs", "write `files: {/PATH: {source: ...}}` or `files: {/PATH: {content: ...}}`"),
    ("runcmd", "for commands of the build, write `run`; " + _OWN_SERVICE),
    ("bootcmd", _OWN_SERVICE),
    ("apt apk_repos sources", "write `repositories`"),
    ("package_update package_upgrade", "remove it: package lists are always fresh; for newer packages, name a newer "
     "`base`"),
    ("ssh_authorized_keys", "write `users: [{name: ..., ssh_authorized_keys: [...]}]`"),
    ("password chpasswd", "write `users: [{name: ..., password: HASH}]`"),
    ("ssh_pwauth disable_root", "write the configuration of the server to /etc/ssh/sshd_config.d with `files`"),
    ("fqdn", "write `hostname`"),
    ("time_zone tz", "write `timezone: Europe/Berlin`"),
    ("lang language locales", "write `locale: de_DE.UTF-8`"),
    ("keymap vconsole console_setup", "write `keyboard: de`"),
    ("updates upgrade autoupdate sysupdate ota", "write `update: {from: oci://HOST/NAME}`"),
    ("ntp", "add a client such as chrony to `packages`, and write its configuration with `files`"),
    ("persistence persistent stateful store data", "write `state: rest` for a partition that stays, and `persist` for "
     "the directories on it"),
    ("installer autoinstall", "write `install: empty` for the command `claylinux install`, or `install: {auto: true}`"),
    ("zram zswap swapfile", "write `swap: [{zram: 50%}]`"),
    ("growpart resize_rootfs bootsize", "remove it: there is no root partition, as the system runs in memory"),
    ("power_state final_message phone_home", "remove it; " + _OWN_SERVICE),
    ("preserve_hostname prefer_fqdn_over_hostname", "remove it: the key `hostname` decides"),
    ("ca_certs", "write `files: {/usr/local/share/ca-certificates/NAME.crt: {source: ...}}` and "
     "`run: [update-ca-certificates]`, with ca-certificates in `packages`; only for the package manager, write "
     "`package_manager: {ca: ...}`"),
    ("ssh_keys", "remove it: each machine makes its own host keys; to ship one, write it to /etc/ssh with `files`"),
    ("ssh_import_id", "write `users: [{name: ..., ssh_authorized_keys: [...]}]` with the keys themselves"),
    ("disable_root_opts ssh_deletekeys ssh_genkeytypes", "remove it: each machine makes its own host keys"),
    ("rootpw", "write `users: [{name: root, password: HASH}]`"),
    ("selinux", "remove it: the kernel's command line decides (`kernel: {cmdline: ...}`)"),
    ("postinst post pre", "for commands of the build, write `run`"),
    ("repos repo repository mirrors", "write `repositories`"),
    ("distribution", "write `base`"),
    ("skeleton_trees extra_trees", "write `files: {/: {source: DIRECTORY}}`"),
    ("build_script postinst_script finalize_script prepare_script", "write `run`"),
    ("part partition clearpart bootloader autopart", "remove it: `outputs` says which disk to make"),
    ("extra_hosts manage_etc_hosts", "write `hosts: {NAME: ADDRESS}`"),
    ("nameservers resolv_conf", "write `dns: {servers: [...]}`"),
    ("networks interfaces", "write `network: {ethernets: {...}}`"),
    ("sysctl sysctls", "write `kernel: {sysctl: {...}}`"),
    ("cmdline", "write `kernel: {cmdline: ...}`"),
    ("modules firmware microcode", "write it in `kernel`"),
    ("format", "write `outputs: [...]`"),
    ("secureboot sign signing", "write `secure_boot: {certificate: ..., key: {secret: ID}}`"),
    ("compression", "write `rootfs: {compression: ...}`"),
)  # fmt: skip
_SWAP_FILE = "the system is in memory, and so would be the file: write `zram: SIZE`, or the `device` of a disk"
SWAP = _hints(
    ("filename file path", _SWAP_FILE),
    ("size maxsize", "write `zram: SIZE`"),
    ("label uuid", "write `device: LABEL=...` or `device: UUID=...`"),
    ("compression", "write `algorithm`"),
    ("nofail", "write `optional: true`"),
)
STATE = _hints(
    ("device source", "write `disk`"),
    ("fstype filesystem type", "remove it: it is ext4"),
    ("name partlabel", "write `label`"),
    ("optional nofail", "remove it: the system boots without it unless `required: true`"),
    ("mount path target", "remove it: it is mounted on /state"),
    ("paths directories", "write them in `persist`, beside `state`"),
    ("create", "remove it: it is made at the first boot, in empty space"),
    ("encryption encrypted crypt luks tpm tpm2", "write `encrypt: tpm2`"),
    ("key keyfile key_file", "write `encrypt: LABEL=KEYS/state.key`: a file on another disk"),
)
INSTALL = _hints(
    ("device target drive", "write `disk`"),
    ("unattended automatic automated", "write `auto: true`"),
    ("wipe erase", "remove it: only a person can say that, with `claylinux install DISK --wipe`"),
    ("reboot poweroff", "write `after: reboot` or `after: poweroff`"),
    ("partitions layout filesystem", "remove it: the disk becomes what `outputs: [raw]` is; for data, write `state`"),
)
UPDATE = _hints(
    ("url source registry repository server", "write `from`"),
    ("tag stream branch", "write `channel`"),
    ("public_key keys verify", "write `key: {secret: ID, public: FILE}`, and further public keys in `trust`"),
    ("interval schedule timer period", "write `every`"),
    ("window maintenance", "write `reboot: 03:00-05:00`"),
    ("auto automatic", "write `every: 1d`, and `reboot: auto`"),
    ("size partition", "write `space`"),
    ("limit bandwidth speed", "write `rate`"),
    ("credentials netrc auth password user", "write `login: /PATH`, a file of the machine"),
    ("check rollback good", "write `health: {services: [...], command: ...}`"),
    ("tries", "remove it: a new version is tried three times"),
    ("version", "write `version` at the top level of the file"),
)
HEALTH = _hints(
    ("service units", "write `services`"),
    ("script test run exec", "write `command`"),
    ("within wait after", "write `timeout`"),
)
UPDATE_KEY = _hints(
    ("private source file path", "a private key must not be in the build file or the build context: write "
     "`secret: ID`, and pass it with `--secret id=ID,src=FILE`"),
    ("certificate pub cert", "write `public`"),
    ("id", "write `secret`"),
)  # fmt: skip
KEYBOARD = _hints(
    ("xlayout xlayouts xkblayout keymap vckeymap", "write `layout`"),
    ("xkbvariant", "write `variant`"),
    ("xkbmodel", "write `model`"),
    ("options xkboptions toggle switch", "write /etc/default/keyboard with `files` instead of this key"),
)
PACKAGE_MANAGER = _hints(
    ("documentation man manuals doc", "write `docs`"),
    ("locales translations language locale", "write `languages`"),
)
BASE = _hints(
    ("from", "write `image`"),
    ("file", "write `dockerfile`"),
    ("name", "write `preset`"),
    ("version tag suite", "write `{preset: NAME, release: ...}` or `{image: NAME:TAG}`"),
    ("git url", "pass it with `--build-context NAME=URL`, and write `context: NAME`"),
)
USER = _hints(
    ("gecos", "write `comment`"),
    ("sudo doas", _SUDO),
    ("plain_text_passwd", "anyone could read a plain-text password in the image: write `password` with the output of "
     "`openssl passwd -6`"),
    ("passwd hashed_passwd", "write `password`"),
    ("lock_passwd", "remove it: without `password`, a new user cannot log in with one; `lock: true` also disables SSH "
     "keys"),
    ("primary_group", "write `group`"),
    ("homedir", "write `home`"),
    ("no_create_home", "for an account without a home directory, write `system: true`"),
    ("no_user_group", "write `group`"),
    ("ssh_import_id", "write the keys themselves in `ssh_authorized_keys`"),
    ("keys ssh_keys", "write `ssh_authorized_keys`"),
)  # fmt: skip
FILE = _hints(
    ("text data", "write `content`"),
    ("permissions chmod", "write `mode`"),
    ("chown user group", "write `owner: USER:GROUP`"),
    ("path dest destination", "the path is the key: write `/PATH: {content: ...}`"),
    ("src", "write `source`"),
    ("from", "write `image` or `context`"),
    ("sha256 digest", "write `checksum: sha256:...`"),
    ("link target", "write `symlink: TARGET`"),
    ("encoding", "`content` is plain text: put other files into the build context, and write `source`"),
    ("append", "`files` writes whole files: to add to one, use a step of `run`"),
)
RUN = _hints(
    ("cmd command commands", "write `script`"),
    ("shell", "`/bin/sh -eu` runs the script: start another shell in it (for example bash with `<<'EOF'`)"),
    ("environment", "write `env`"),
    ("user", "a step runs as root: use `su NAME -c ...` in the script"),
    ("workdir working_dir working_directory cwd", "start the script with `cd`"),
    ("volumes", "write `mounts`"),
    ("secrets", 'write `mounts: ["type=secret,id=ID"]`'),
)
_CONTAINER = "services belong to the init system; they are not containers"
SERVICE = _hints(
    ("environment", "write `env`"),
    ("depends_on", "write `after`"),
    ("entrypoint exec", "write `command`"),
    ("working_dir workdir cwd", "write `working_directory`"),
    ("enable enabled runlevel", "write `NAME: true`, `NAME: false` or `NAME: RUNLEVEL`"),
    ("type", "for a program that exits after its work, write `oneshot: true`; for all others, remove it"),
    ("image build ports volumes networks container_name healthcheck deploy", _CONTAINER),
)
MOUNT = _hints(
    ("type", "write `fstype`"),
    ("source src", "write `device`"),
    ("size", "write `tmpfs: SIZE`"),
    ("path target dest", "the directory is the key: write `/data: {device: ...}`"),
    ("nofail", "write `optional: true`"),
)
KERNEL = _hints(
    ("args append parameters command_line", "write `cmdline`"),
    ("package image", "add the package of the kernel to `packages`, or copy its files with `files`: the build uses the "
     "kernel of the system"),
    ("params", "write `cmdline` or `sysctl`"),
    ("purpose machine machines drivers modaliases", "write `for`"),
)  # fmt: skip
ROOTFS = _hints(
    ("ignore remove without excludes", "write `exclude`"),
    ("from layers location place", "write `source`"),
    ("toram copytoram to_ram ram memory", "write `source: disk` and `copy: true`"),
    ("verity dm_verity", "write `source: disk`, which verifies what it reads"),
    ("size", "remove it: the system is as large as its content; for a limit, write `limits: {uki: ...}`"),
)
OUTPUT = _hints(
    ("type", "write `format`"),
    ("file filename path", "write `name`, without a directory or extension"),
    ("compression", "write `rootfs: {compression: ...}` at the top level of the file"),
    ("size", "remove it: a disk is as large as its content; enlarge it where you use it"),
)
_SECRET = (
    "a private key must not be in the build file or the build context: write `key: {secret: ID}`, and pass it with "
    "`--secret id=ID,src=FILE`"
)
SECURE_BOOT = _hints(
    ("cert crt", "write `certificate`"),
    ("private_key sign_key signing_key", "write `key`"),
    ("sig", "write `signature`"),
)
PRIVATE_KEY = _hints(
    ("source content file path", _SECRET),
    ("id", "write `secret`"),
)
