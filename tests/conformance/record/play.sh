# Runs in the machine: plays every scenario and prints the recordings, each behind a line with its name.
set -e
ip link add sink type dummy
echo 0 >/proc/sys/net/ipv6/conf/sink/accept_dad
ip link set sink up
# Servers are behind sink, which swallows what is sent to them. Clients too, so that they have a route.
for network in 10.0.0.0/8 10.2.0.0/24; do
    ip route add $network dev sink
done
ip addr add 10.1.0.1/32 dev sink
ip -6 addr add 2001:db8:1::1/128 dev sink
ip -6 route add 2001:db8::/32 dev sink
ip route add local 10.9.0.0/16 dev lo
ip -6 route add local 2001:db8:9::/48 dev lo
for scenario in /scenarios/*.txt; do
    name=${scenario##*/}
    module=ip_vs_${name%.txt}
    [ -d /sys/module/$module ] || { echo "no module $module" >&2; exit 1; }
    echo "=== ${name%.txt} $(uname -r)"
    /drive <$scenario
done
