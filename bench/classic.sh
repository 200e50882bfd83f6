#!/bin/sh
# The classic pipeline from a system to a bootable disk, one well-known tool per step:
# find | cpio | pigz -9, objcopy, mkfs.vfat, mcopy, sfdisk, dd.
#   classic.sh TREE KERNEL CMDLINE STUB OUTPUT     (KERNEL is relative to TREE)
# Debian: apt-get install binutils cpio dosfstools fdisk mtools pigz
set -eu
tree=$1 kernel=$2 cmdline=$3 stub=$4 output=$5
PATH=$PATH:/usr/sbin:/sbin
export MTOOLS_SKIP_CHECK=1

for tool in cpio dd find mcopy mkfs.vfat objcopy objdump pigz sfdisk; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing: apt-get install binutils cpio dosfstools fdisk mtools pigz" >&2
        exit 1
    }
done
work=$(mktemp -d "$(dirname "$output")/classic.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The same paths as ours: no /boot, and of what is mounted at run time only the mount points.
cd "$tree"
{
    find . -path ./boot -prune -o \( -path './dev/*' -o -path './proc/*' -o -path './run/*' -o -path './sys/*' \
        -o -path './tmp/*' \) -prune -o -print0 | cpio --null --create --format=newc --quiet
    ln -s sbin/init "$work/init"
    cd "$work" && echo init | cpio --create --format=newc --quiet
} | pigz -9 >"$work/initrd"

# UKI: the sections behind those of the stub, each at its own page (systemd-stub(7)).
printf %s "$cmdline" >"$work/cmdline"
page() { echo $((($1 + 4095) / 4096 * 4096)); }
size() { stat -L -c %s "$1"; }
end=$(objdump -h -w "$stub" | awk '$1 ~ /^[0-9]+$/ { size = $3; address = $4 } END { print "0x" address " + 0x" size }')
# shellcheck disable=SC2004 # the text of `end` is an expression
osrel=$(page $(($end)))
line=$(page $((osrel + $(size etc/os-release))))
initrd=$(page $((line + $(size "$work/cmdline"))))
linux=$(page $((initrd + $(size "$work/initrd"))))
objcopy \
    --add-section .osrel=etc/os-release --change-section-vma .osrel="$osrel" \
    --add-section .cmdline="$work/cmdline" --change-section-vma .cmdline="$line" \
    --add-section .initrd="$work/initrd" --change-section-vma .initrd="$initrd" \
    --add-section .linux="$kernel" --change-section-vma .linux="$linux" \
    "$stub" "$work/uki"

# ESP: 4 MiB more than the program, for the FAT itself.
case $stub in *x64*) name=BOOTX64.EFI ;; *) name=BOOTAA64.EFI ;; esac
mib=$((($(size "$work/uki") >> 20) + 5))
truncate -s "${mib}M" "$work/esp"
mkfs.vfat -F 32 "$work/esp" >/dev/null
mmd -i "$work/esp" ::EFI ::EFI/BOOT
mcopy -i "$work/esp" "$work/uki" "::EFI/BOOT/$name"

# Disk: 1 MiB before the partition, 1 MiB behind it for the second GPT.
truncate -s $((mib + 2))M "$output"
printf 'label: gpt\nstart=1MiB, size=%dMiB, type=uefi\n' "$mib" | sfdisk --quiet "$output"
dd if="$work/esp" of="$output" bs=1M seek=1 conv=notrunc status=none
