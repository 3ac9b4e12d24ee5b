#!/usr/bin/env bash
# Installs what a target needs on Debian 12: `tests/setup.sh run|test|bench`. Does nothing when all of it is there.
set -euo pipefail

target=${1:-test}

# One line per package: a file it brings (so that nothing is asked of dpkg when all are there), and its name.
base='/usr/bin/gcc build-essential
/usr/sbin/ip iproute2
/usr/sbin/nft nftables
/usr/sbin/nginx nginx-light
/usr/sbin/vsftpd vsftpd
/usr/bin/curl curl
/usr/bin/wrk wrk
/usr/bin/iperf3 iperf3
/usr/bin/tcpdump tcpdump
/usr/sbin/ethtool ethtool
/usr/bin/ping iputils-ping
/etc/ssl/certs/ca-certificates.crt ca-certificates'
test='/usr/bin/tshark tshark
/usr/bin/strace strace
/usr/sbin/bpftool bpftool
/usr/bin/git git
/usr/lib/python3.11/ensurepip/__init__.py python3-venv
/usr/bin/qemu-system-x86_64 qemu-system-x86
/bin/busybox busybox-static
/usr/bin/cpio cpio
/usr/bin/xz xz-utils
/usr/bin/mmdebstrap mmdebstrap
/usr/bin/chromium chromium
/usr/bin/chromedriver chromium-driver
/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc fonts-noto-cjk
/usr/bin/pip3 python3-pip'
bench='/usr/sbin/haproxy haproxy
/usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream'

case $target in
run) wanted=$base ;;
test) wanted=$base$'\n'$test ;;
bench) wanted=$base$'\n'$bench ;;
*)
    echo "usage: tests/setup.sh run|test|bench" >&2
    exit 2
    ;;
esac

packages=
while read -r file package; do
    [ -e "$file" ] || packages="$packages $package"
done <<<"$wanted"

if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "tests/setup.sh: these packages are missing and installing them needs root:$packages" >&2
        exit 1
    fi
    if ! command -v apt-get >/dev/null; then
        echo "tests/setup.sh: no apt-get here; install by hand:$packages" >&2
        exit 1
    fi
    echo "installing:$packages"
    # Packages of servers start them; nothing is to run on this machine because of a test.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    options=(-q -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    log=$(mktemp)
    # shellcheck disable=SC2086  # a list of names
    if ! { apt-get -q update && apt-get "${options[@]}" install $packages; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "tests/setup.sh: apt-get could not install:$packages (all of its words: $log)" >&2
        exit 1
    fi
    rm -f "$log"
fi

# Rust is the user's choice of installation; all that counts is that it is new enough.
[ -r "${CARGO_HOME:-$HOME/.cargo}/env" ] && . "${CARGO_HOME:-$HOME/.cargo}/env"
if ! command -v cargo >/dev/null; then
    echo "tests/setup.sh: no cargo here; install Rust 1.95 or newer (https://rustup.rs)" >&2
    exit 1
fi
version=$(rustc --version | cut -d' ' -f2)
if [ "$(printf '%s\n1.95.0\n' "$version" | sort -V | head -n 1)" != 1.95.0 ]; then
    echo "tests/setup.sh: Rust $version is too old; 1.95 or newer is needed" >&2
    exit 1
fi
for component in rustfmt clippy; do
    if [ "$target" = test ] && ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
        command -v rustup >/dev/null && rustup -q component add "$component"
    fi
done

if [ "$target" = test ]; then
    "$(dirname "$0")/axe.sh"
    "$(dirname "$0")/schemathesis.sh"
fi
