#!/bin/bash
# Boots Debian's kernel in QEMU (no KVM needed) with an initramfs made of busybox, the kernel modules asked for and the
# files asked for, runs one script in it as root, and ends with that script's exit status.
# What the script prints comes out here; the kernel's messages go to a file.
set -euo pipefail

usage() {
    cat >&2 <<'TEXT'
boot.sh [options] SCRIPT
boot.sh [--kernel PACKAGE] --fetch   only gets the kernel
  SCRIPT             run by busybox sh in the machine; its standard output is this command's
  --module NAME      load this kernel module, and first what it depends on (repeat; loaded in this order)
  --program PATH     take this program along with the libraries it needs, to the same path (repeat); where busybox has a
                     command of that name (ip), the script must call it by its path
  --file HOST:GUEST  copy a file or directory into the machine (repeat)
  --kernel PACKAGE   Debian package of the kernel, or one that depends on it (default linux-image-amd64)
  --memory MB        memory (default 256)
  --timeout S        give up after so many seconds (default 120)
  --skip-idle        virtual time: an idle machine does not wait, a sleep of an hour takes no time
  --log FILE         kernel messages; without it they are kept only when something fails, in target/vm
  --qemu ARGUMENT    passed to QEMU as it is (repeat), for example a second network card
TEXT
    exit 2
}

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=$root/target/vm
modules=() programs=() files=() extra=()
package=linux-image-amd64 memory=256 timeout=120 skip_idle='' log='' script='' fetch_only=''
while [ $# -gt 0 ]; do
    case $1 in
        --skip-idle) skip_idle=yes; shift; continue ;;
        --fetch) fetch_only=yes; shift; continue ;;
        --*) [ $# -ge 2 ] || usage ;;
    esac
    case $1 in
        --module) modules+=("$2"); shift 2 ;;
        --program) programs+=("$2"); shift 2 ;;
        --file) files+=("$2"); shift 2 ;;
        --kernel) package=$2; shift 2 ;;
        --memory) memory=$2; shift 2 ;;
        --timeout) timeout=$2; shift 2 ;;
        --log) log=$2; shift 2 ;;
        --qemu) extra+=("$2"); shift 2 ;;
        -*) usage ;;
        *) [ -z "$script" ] || usage; script=$1; shift ;;
    esac
done
[ -n "$fetch_only" ] || [ -r "$script" ] || usage
keep_log=$log
log=${log:-$cache/$(basename "$script").$$.log}
mkdir -p "$cache"

# Sets `kernel` to a directory with the unpacked package; downloads it once.
fetch_kernel() {
    local real
    real=$(apt-cache depends "$package" | awk '/Depends: linux-image/ { print $2; exit }')
    package=${real:-$package}
    kernel=$cache/$package
    [ -d "$kernel" ] && return
    (
        flock 9
        [ -d "$kernel" ] && exit
        work=$(mktemp -d "$cache/fetch.XXXXXX")
        cd "$work"
        apt-get -q -o APT::Sandbox::User=root download "$package" >&2
        dpkg -x ./*.deb unpacked
        mv unpacked "$kernel"
        rm -rf "$work"
    ) 9>"$cache/lock"
}

# Prints the path of a module in the unpacked package; nothing when it is built in or unknown.
module_path() {
    local name=${1//[-_]/[-_]}
    find "$kernel/lib/modules" \( -name "$name.ko" -o -name "$name.ko.xz" -o -name "$name.ko.zst" \) -print -quit
}

is_builtin() {
    grep -q -E "/${1//[-_]/[-_]}\.ko$" "$kernel"/lib/modules/*/modules.builtin
}

# Adds a module to the tree, after all it depends on.
declare -A seen=()
add_module() {
    local name=${1//-/_} path depends each
    [ -z "${seen[$name]:-}" ] || return 0
    seen[$name]=yes
    path=$(module_path "$name")
    if [ -z "$path" ]; then
        is_builtin "$name" || { echo "boot.sh: $package has no module $1" >&2; exit 1; }
        return 0
    fi
    local ko=$tree/modules/$name.ko
    case $path in
        *.xz) xz -dc "$path" >"$ko" ;;
        *.zst) zstd -qdc "$path" >"$ko" ;;
        *) cp "$path" "$ko" ;;
    esac
    depends=$(tr '\0' '\n' <"$ko" | LC_ALL=C sed -n 's/^depends=//p; s/^softdep=pre: *//p' | tr ', ' '\n\n')
    for each in $depends; do
        # A soft dependency names an algorithm; the generic implementation always exists.
        [ "$each" != crc32c ] || each=crc32c_generic
        add_module "$each"
    done
    echo "$name" >>"$tree/modules/order"
}

add_program() {
    local file
    install -D "$1" "$tree$1"
    for file in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
        install -D "$file" "$tree$file"
    done
}

fetch_kernel
[ -z "$fetch_only" ] || exit 0
tree=$(mktemp -d "$cache/tree.XXXXXX")
initrd=$tree.cpio.gz
results=$tree.results
trap 'rm -rf "$tree" "$initrd" "$results"' EXIT
mkdir -p "$tree"/{bin,sbin,dev,proc,sys,tmp,run,etc,root,modules} "$(dirname "$log")"
: >"$tree/modules/order"
cp /bin/busybox "$tree/bin/busybox"
for module in "${modules[@]}"; do add_module "$module"; done
for program in "${programs[@]}"; do add_program "$program"; done
for file in "${files[@]}"; do
    mkdir -p "$tree$(dirname "${file#*:}")"
    cp -r "${file%%:*}" "$tree${file#*:}"
done
cp "$script" "$tree/script"
cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
ip link set lo up
while read -r module; do
    insmod "/modules/$module.ko" || echo "boot: module $module not loaded"
done </modules/order
# The second serial port carries what the script prints, byte by byte.
stty -F /dev/ttyS1 raw -echo
sh /script >/dev/ttyS1
echo "boot: exit status $?"
poweroff -f
INIT
chmod +x "$tree/init"
(cd "$tree" && find . -print0 | cpio --null --quiet -H newc -o | gzip -1) >"$initrd"

[ -z "$skip_idle" ] || extra+=(-icount shift=1,sleep=off)
status=0
timeout "$timeout" qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m "$memory" -nodefaults -no-reboot \
    -display none -kernel "$kernel"/boot/vmlinuz-* -initrd "$initrd" \
    -append "console=ttyS0 panic=-1 quiet loglevel=5 random.trust_cpu=on" \
    -serial "file:$log" -serial "file:$results" "${extra[@]}" </dev/null >&2 || status=$?
cat "$results"
if [ "$status" -ne 0 ]; then
    echo "boot.sh: QEMU ended with status $status (124: not done within $timeout s); see $log" >&2
    exit 1
fi
ended=$(tr -d '\r' <"$log" | sed -n 's/.*boot: exit status //p' | tail -1)
[ -n "$ended" ] || { echo "boot.sh: the machine stopped before the script ended; see $log" >&2; exit 1; }
[ "$ended" -ne 0 ] || [ -n "$keep_log" ] || rm -f "$log"
exit "$ended"
