# shellcheck shell=sh
# Whether firmware with Secure Boot on would start a version, by the certificate that its index names and those that the
# firmware trusts. The trial would find it out, too, but after all was fetched and the machine has rebooted several times.
DB=d719b2cb-3d3a-4596-a3bc-dad00e67656f

will_start() { # INDEX: else there is a reason in `why`
  [ "$(secure_boot)" = on ] || return 0
  signed_by=$(index_value "$1" certificate)
  [ -n "$signed_by" ] || return 0 # of a build before this was told
  read_trusted
  is_distrusted "$signed_by" || return 0
  # Whoever starts this version may trust others than `db` has: a loader of somebody else does.
  running=$(index_value "$(running_index)" certificate)
  [ -n "$running" ] && ! is_distrusted "$running" || return 0
  why="Secure Boot would not start it: the firmware does not trust $(subject_of "$signed_by")"
  return 1
}

running_index() {
  # shellcheck disable=SC2046
  set -- $(entry_of "$version")
  echo "$places/${1-esp}/claylinux/${name}_$version.pieces"
}

read_trusted() { # those of `db`, in PEM
  value_of "db-$DB" >"$work/db"
  : >"$work/trusted"
  trusted_ranges "$work/db" | while read -r start size; do
    show_range "$work/db" "$start" "$size" | openssl x509 -inform DER 2>/dev/null >>"$work/trusted"
  done
}

# Start and size of each certificate in lists of signatures: UEFI 2.10, 32.4.1.
trusted_ranges() { # FILE
  od -An -v -tu1 "$1" | tr -s ' \n' '\n' | awk '
    $1 != "" { byte[count++] = $1 }
    function number(at) { return byte[at] + 256 * (byte[at + 1] + 256 * (byte[at + 2] + 256 * byte[at + 3])) }
    END {
      x509 = "161 89 192 165 228 148 167 74 135 181 171 21 92 43 240 114"
      for (list = 0; list + 28 <= count; list += whole) {
        whole = number(list + 16)
        each = number(list + 24)
        if (whole < 28 || list + whole > count || each <= 16) exit
        kind = byte[list]
        for (i = 1; i < 16; i++) kind = kind " " byte[list + i]
        if (kind == x509)
          for (at = list + 28 + number(list + 20); at + each <= list + whole; at += each) print at + 16, each - 16
      }
    }'
}

certificate_of() { # BASE64: in PEM
  echo "-----BEGIN CERTIFICATE-----"
  echo "$1" | fold -w 64
  echo "-----END CERTIFICATE-----"
}

subject_of() { # BASE64
  certificate_of "$1" | openssl x509 -noout -subject -nameopt RFC2253 2>/dev/null | sed 's/^subject=//'
}

is_distrusted() { # BASE64: whether openssl says, as firmware would, that none of the trusted ones stands for it
  certificate_of "$1" >"$work/certificate"
  openssl verify -partial_chain -no_check_time -purpose any -no-CAfile -no-CApath -no-CAstore -trusted "$work/trusted" \
    "$work/certificate" 2>&1 | grep '^error [0-9]* at [0-9]* depth lookup' >/dev/null
}
