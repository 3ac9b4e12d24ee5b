#!/bin/bash
# Records anew what real IPVS chooses: Debian's kernel in QEMU, one scenario per scheduler, into ../schedulers/.
# Debian's 6.1 has no twos; that one is recorded from its 6.12.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

missing=()
for package in busybox-static cpio gcc ipvsadm libc6-dev python3 qemu-system-x86; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] || apt-get install -y --no-install-recommends "${missing[@]}"

gcc -Wall -Wextra -O2 -static -o "$work/drive" "$here/drive.c"
python3 "$here/scenarios.py" "$work/all"

# record KERNEL SCHEDULER...
record() {
    local kernel=$1 name arguments=()
    shift
    mkdir -p "$work/scenarios"
    rm -f "$work/scenarios"/*
    for name in "$@"; do
        cp "$work/all/$name.txt" "$work/scenarios/"
        arguments+=(--module "ip_vs_$name")
    done
    "$root/tests/vm/boot.sh" --kernel "$kernel" --module dummy --module ip_vs "${arguments[@]}" \
        --program /usr/sbin/ipvsadm --file "$work/drive:/drive" --file "$work/scenarios:/scenarios" \
        --skip-idle --timeout 3600 "$here/play.sh" >"$work/recorded"
    local file=/dev/null line
    while IFS= read -r line; do
        if [[ $line == "=== "* ]]; then
            read -r _ name release <<<"$line"
            file=$here/../schedulers/$name.txt
            echo "# $name: what IPVS of Linux $release chose. Made by record/record.sh; not to be edited." >"$file"
            echo >>"$file"
        else
            printf '%s\n' "$line" >>"$file"
        fi
    done <"$work/recorded"
}

only=("$@")
[ ${#only[@]} -gt 0 ] || only=(rr wrr lc wlc sed nq lblc lblcr sh dh mh fo ovf twos)
main=() newer=()
for name in "${only[@]}"; do
    if [ "$name" = twos ]; then newer+=("$name"); else main+=("$name"); fi
done
[ ${#main[@]} -eq 0 ] || record linux-image-amd64 "${main[@]}"
[ ${#newer[@]} -eq 0 ] || record linux-image-6.12-amd64 "${newer[@]}"
