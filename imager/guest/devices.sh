# shellcheck shell=sh
# The disks of the machine, before udev or mdev run: by what the kernel says in /sys.
LOADER=4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
# What disks hang on: PCI storage, USB and SD controllers, the buses of hypervisors.
drivers='^(pci:.*bc(01|0Csc03|08sc05)|virtio:d0000000[28]|scsi:|usb:.*ic08|mmc:|sdio:|vmbus:|xen:|of:|acpi:.*PNP0D40)'

load_drivers() { # a driver can find buses with further devices: this is called again and again
  find "$sys/devices" -name modalias -exec cat {} + 2>/dev/null |
    grep -E "$drivers" | sort -u | xargs -r modprobe -abq 2>/dev/null
}

disks() { # the disks that can be written
  for each in "$sys"/block/*; do
    name=${each##*/}
    case $name in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd* | mtdblock*) continue ;; esac
    [ -e "$dev/$name" ] && [ "$(cat "$each/ro")" = 0 ] && [ "$(cat "$each/size")" != 0 ] || continue
    echo "$name"
  done
}

efi_variable() { # NAME-GUID: its value as text, without the zeros between its characters
  variables=$sys/firmware/efi/efivars
  [ -d "$sys/firmware/efi" ] || return 1
  [ -n "$(ls "$variables" 2>/dev/null)" ] || { # the driver may be a module
    modprobe -q efivarfs
    mount -t efivarfs efivarfs "$variables" 2>/dev/null
  }
  value_of "$1" | tr -d '\0'
}

value_of() { # NAME-GUID: without its attributes. The files cannot be sought in, which tail(1) of coreutils would do
  cat "$sys/firmware/efi/efivars/$1" 2>/dev/null | tail -c +5
}

boot_partition() { # the GUID of the partition that the firmware started us from; nothing if it told none
  efi_variable "LoaderDevicePartUUID-$LOADER" | tr A-F a-f
}

serial_of() { # DISK: as the device tells it
  for each in "$sys/block/$1/serial" "$sys/block/$1/device/serial"; do
    [ -r "$each" ] && tr -d ' \n' <"$each" && return
  done
  # SCSI and SATA: page 80 of the vital product data, after four bytes
  cat "$sys/block/$1/device/vpd_pg80" 2>/dev/null | tail -c +5 | tr -d ' \n\0'
}

wwid_of() {
  cat "$sys/block/$1/wwid" "$sys/block/$1/device/wwid" 2>/dev/null | head -n 1
}

is_wanted() { # DISK RULE: whether the rule of the build file names this disk
  case $2 in
  /dev/*) [ "/dev/$1" = "$2" ] ;;
  serial=*) [ "$(serial_of "$1")" = "${2#serial=}" ] ;;
  wwid=*) [ "$(wwid_of "$1")" = "${2#wwid=}" ] ;;
  *) false ;;
  esac
}

# An image has GUIDs that were made of its content (version 5), a disk that was installed has random ones (version 4).
is_installed() { # whether the machine booted from a disk that `claylinux install` wrote
  case $(boot_partition) in ????????-????-4*) ;; *) false ;; esac
}

install_word() { # what the command line of the kernel says of an installation
  tr ' ' '\n' <"$proc/cmdline" | sed -n 's/^claylinux\.install=//p' | tail -n 1
}

installs_itself() { # whether the medium that the machine booted from is to be copied to a disk, without a question
  [ -n "${install_auto-}" ] || return 1 # without the key `install`
  case $(install_word)-$install_auto in off-* | -no) return 1 ;; esac
  ! is_installed
}
