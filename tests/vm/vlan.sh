# Runs in the machine: the balancer on VLAN devices, clients and servers in network namespaces around it, all of them
# real: the kernel's VLAN and tunnel devices, busybox's httpd, curl. One line per check: `ok NAME: figures` or
# `not ok NAME: what was seen`; the status is 1 when one of them failed.
#
#   client c0.100, c0.200 --+           +-- b0.200 suimon f0.100, w0.300
#                           +-- bridge -+
#   s1 e0.200   s2 e0.200 --+           +-- f0.100
#   client w1.300 -- virtio-net -- hub of QEMU -- virtio-net -- w0.300
#
# The client is its own router: what servers send past the balancer comes in by c0.200.
ip=/usr/sbin/ip
socket=/run/suimon.sock
work=/run/vlan
servers='s1 s2'
client4=10.1.0.50 client6=2001:db8:1::50
status=0
mkdir -p $work/www
echo 'root:x:0:0:root:/:/bin/sh' >/etc/passwd

at() {
    $ip netns exec "$@"
}

# check NAME COMMAND…: what the command prints is its line. It runs in this shell: it starts and ends processes.
check() {
    local checked=$1 since=$(cut -d ' ' -f 1 /proc/uptime) verdict=ok
    shift
    "$@" >$work/said 2>&1 || verdict='not ok' status=1
    echo "$verdict $checked:" $(cat $work/said) "[at $since s]"
}

# patiently SECONDS COMMAND…: tries again until it succeeds.
patiently() {
    local left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || { echo "waited in vain: $*"; return 1; }
        usleep 200000
    done
}

settle() {
    echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
    echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter
    echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
    echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra
    $ip link set lo up
}

# tagged NAMESPACE NIC VID ADDRESS…: a VLAN device on NIC.
tagged() {
    local node=$1 nic=$2 vid=$3 address
    shift 3
    $ip -n $node link set $nic up
    $ip -n $node link add link $nic name $nic.$vid type vlan id $vid
    $ip -n $node link set $nic.$vid up
    for address in "$@"; do
        $ip -n $node address add $address dev $nic.$vid
    done
}

# --- the network

build() {
    settle
    for node in client switch $servers; do
        $ip netns add $node
        at $node sh -c "$(sed -n '/^settle()/,/^}/p' /script); ip=$ip; settle"
    done
    $ip -n switch link add br0 type bridge
    $ip -n switch link set br0 up
    for cable in f0:- b0:- c0:client e0:s1 e0:s2; do
        nic=${cable%:*} node=${cable#*:}
        [ $node != - ] || node=box
        $ip link add $nic type veth peer name $node-$nic netns switch
        $ip -n switch link set $node-$nic master br0 up
        [ $node = box ] || $ip link set $nic netns $node
    done
    $ip link set eth0 name w0
    $ip link set eth1 name w1
    $ip link set w1 netns client
    for leg in f0.100 b0.200 w0.300; do
        $ip link set ${leg%.*} up
        $ip link add link ${leg%.*} name $leg type vlan id ${leg#*.}
        $ip link set $leg up
    done
    tagged client c0 100 $client4/24 $client6/64
    tagged client c0 200 10.2.0.254/24 2001:db8:2::fe/64
    tagged client w1 300 10.3.0.50/24 2001:db8:3::50/64
    number=2
    for server in $servers; do
        build_server $server $number
        number=$((number + 1))
    done
}

build_server() {
    local server=$1 number=$2 own4=10.2.0.$2 own6=2001:db8:2::$2 method
    tagged $server e0 200 $own4/24 $own6/64
    at $server sysctl -q net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    # Answers of NAT go through the balancer; answers from a VIP go past it.
    $ip -n $server route add default via 10.2.0.1
    $ip -n $server -6 route add default via 2001:db8:2::1
    $ip -n $server route add default via 10.2.0.254 table 200
    $ip -n $server -6 route add default via 2001:db8:2::fe table 200
    for method in 101 103 104 105; do
        $ip -n $server address add 10.1.0.$method/32 dev lo
        $ip -n $server -6 address add 2001:db8:1::$method/128 dev lo nodad
        $ip -n $server rule add from 10.1.0.$method lookup 200
        $ip -n $server -6 rule add from 2001:db8:1::$method lookup 200
    done
    # The receivers of tunnels are the kernel's own: any sender, this server's address.
    $ip -n $server link add ipip4 type ipip local $own4
    $ip -n $server link add ipip6 type ip6tnl mode any local $own6
    $ip -n $server link add sit4 type sit local $own4
    $ip -n $server link add gre4 type gre local $own4
    $ip -n $server link add gre6 type ip6gre local $own6
    for device in ipip4 ipip6 sit4 gre4 gre6; do
        $ip -n $server link set $device up
    done
    $ip -n $server fou add port 6080 gue
    $ip -n $server fou add port 6080 gue -6
    mkdir -p $work/www/$server
    echo $server >$work/www/$server/index.html
    ln $work/big $work/www/$server/big
    at $server httpd -p 80 -h $work/www/$server
    at $server httpd -p 8080 -h $work/www/$server
    at $server /bin/echo-server $own4:7007 [$own6]:7007 10.1.0.101:7 [2001:db8:1::101]:7 2>$work/echo-$server &
}

# --- the balancer

# service NAME VIP PROTOCOL PORT METHOD PORT-OF-BACKENDS|- FAMILY-OF-BACKENDS
service() {
    local server number=2
    cat <<TOML

[[service]]
name = "$1"
vip = "$2"
protocol = "$3"
ports = "$4"
scheduler = "rr"
method = "$5"
TOML
    for server in $servers; do
        printf '[[service.backend]]\nname = "%s"\n' $server
        if [ $7 = 4 ]; then echo "address = \"10.2.0.$number\""; else echo "address = \"2001:db8:2::$number\""; fi
        [ $6 = - ] || echo "port = $6"
        number=$((number + 1))
    done
}

configure() {
    cat <<TOML
version = 1

[engine]
workers = 2
shield = "$1"
snat_addresses = ["10.2.0.250", "2001:db8:2::250"]
TOML
    for nic in f0.100:1 b0.200:2 w0.300:3; do
        printf '\n[[nic]]\nname = "%s"\nrole = "data"\n' ${nic%:*}
        echo "addresses = [\"10.${nic#*:}.0.1/24\", \"2001:db8:${nic#*:}::1/64\"]"
    done
    for family in 4 6; do
        net=10.1.0. far=10.3.0.
        [ $family = 4 ] || net=2001:db8:1:: far=2001:db8:3::
        service nat-$family ${net}100 tcp 80 nat 8080 $family
        service far-$family ${far}100 tcp 80 nat 8080 $family
        service udp-$family ${net}100 udp 7 nat 7007 $family
        service direct-$family ${net}101 tcp 80 direct - $family
        service direct-udp-$family ${net}101 udp 7 direct - $family
        service fullnat-$family ${net}102 tcp 80 fullnat 8080 $family
        service ipip-$family ${net}103 tcp 80 tunnel-ipip - $family
        service gre-$family ${net}104 tcp 80 tunnel-gre - $family
        service gue-$family ${net}105 tcp 80 tunnel-gue - $family
        service across-$family ${net}103 tcp 8080 tunnel-ipip - $((10 - family))
    done
}

start() {
    rm -rf $work/data
    configure $1 >$work/suimon.toml
    start_again
}

start_again() {
    /bin/suimon run --data $work/data --config $work/suimon.toml --socket $socket >>$work/suimon.log 2>&1 &
    suimon=$!
    patiently 20 /bin/suimon ctl --socket $socket status || { tail -n 20 $work/suimon.log; return 1; }
}

# --- what clients do

# address HOST FAMILY: on the first data network, as a URL has it.
address() {
    if [ $2 = 4 ]; then echo 10.1.0.$1; else echo [2001:db8:1::$1]; fi
}

# pages URL COUNT: both servers answer, and nobody else.
pages() {
    local left=$2
    : >$work/pages
    while [ $left -gt 0 ]; do
        at client curl -sSg --max-time 5 http://$1/ >>$work/pages || { echo "request $((1 + $2 - left)) of $2 failed"; return 1; }
        left=$((left - 1))
    done
    local one=$(grep -c '^s1$' $work/pages) two=$(grep -c '^s2$' $work/pages)
    echo "$one from s1, $two from s2"
    [ $one -gt 0 ] && [ $two -gt 0 ] && [ $((one + two)) = $2 ]
}

# many FAMILY VIP: connections with a request each.
many() {
    local source=$client4 said
    [ $1 = 4 ] || source=$client6
    said=$(at client timeout 20 /bin/connect $source $2:80 200)
    set -- $said
    echo "$1 connections, $2 failed, $3 s"
    [ "$1" = 200 ] && [ "$2" = 0 ]
}

# download URL: the large file, unchanged.
download() {
    local sum=$(at client curl -sSg --max-time 20 http://$1/big | md5sum)
    [ "$sum" = "$(md5sum <$work/big)" ] || { echo "arrived changed: $sum"; return 1; }
    echo "$(stat -c %s $work/big) bytes unchanged"
}

datagrams() {
    local source=$client4
    [ $1 = 4 ] || source=$client6
    at client /bin/datagrams $source $2 1,100,1400,1472,3000,20000,60000
}

# unwrapped DEVICE…: packets that the kernel's tunnel devices of the servers took out of their wrapping.
unwrapped() {
    local device server count
    for device in "$@"; do
        count=0
        for server in $servers; do
            count=$((count + $(at $server cat /sys/class/net/$device/statistics/rx_packets)))
        done
        echo "$device $count"
        [ $count -gt 0 ] || return 1
    done
}

# --- what is on the wire

# listen NAME NIC OPTION…: captures on a NIC until `heard`.
listen() {
    local name=$1 nic=$2
    shift 2
    tcpdump -i $nic -n -U --immediate-mode -s 128 -B 8192 -Z root "$@" -w $work/$name.pcap 2>$work/$name.said &
    echo $! >$work/$name.pid
    patiently 10 grep -q 'listening on' $work/$name.said
}

# heard NAME…: ends captures.
heard() {
    local each
    sleep 1
    for each in "$@"; do
        kill -INT $(cat $work/$each.pid)
        wait $(cat $work/$each.pid)
    done
}

# count NAME FILTER: frames of a capture.
count() {
    tcpdump -Z root -n -r $work/$1.pcap "$2" 2>$work/count.said | wc -l
}

tags() {
    local vip=10.1.0.100 own untagged
    own="$(count f0 "vlan 100 and host $vip and tcp") on f0 with 100"
    own="$own, $(count b0 'vlan 200 and host 10.2.0.2 and tcp port 8080') on b0 with 200"
    untagged=$(($(count f0 'ip or ip6') + $(count b0 'ip or ip6')))
    echo "frames tagged: $own, untagged: $untagged; one of them:"
    tcpdump -Z root -n -e -c 1 -r $work/f0.pcap 'vlan 100 and src host 10.1.0.100 and tcp' 2>/dev/null | grep -o 'vlan 100.*' | cut -c 1-80
    case $own in 0*|*", 0"*) return 1 ;; esac
    [ $untagged = 0 ]
}

super_frames() {
    local out=$(count f0 'greater 3000 and vlan 100 and src host 10.1.0.100')
    local in=$(count b0 'greater 3000 and vlan 200 and src port 8080') engine
    # By worker and all together: the largest is the sum.
    engine=$(curl -s --unix-socket $socket http://suimon/api/v1/counters | grep -o 'super_frames_transmitted":[0-9]*')
    engine=$(echo "$engine" | cut -d : -f 2 | sort -n | tail -n 1)
    echo "$in longer than 3,000 bytes came in on b0, $out went out on f0, the engine counts $engine"
    [ $in -gt 0 ] && [ $out -gt 0 ] && [ $engine -gt 0 ]
}

# --- a crash

# What a kernel that is not kept from them does with the services' packets: route, reset, answer.
OF_THE_SERVICES='vlan and ((ip and not proto 2) or (ip6 and not ip6[6] = 0 and not (ip6[6] = 58 and ip6[40] >= 130)))'

crash() {
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    listen before f0 -Q out || return 1
    # The server is in the middle of an answer, and will send it again and again: a client with a small buffer cannot
    # have all of it yet.
    at client sh -c 'echo 4096 65536 131072 >/proc/sys/net/ipv4/tcp_rmem'
    at client curl -sg --limit-rate 100k --max-time 8 http://10.1.0.100/big >/dev/null 2>&1 &
    usleep 500000
    kill -9 $suimon
    wait $suimon 2>/dev/null
    heard before
    listen front f0 -Q out && listen back b0 -Q out && listen from b0 -Q in && listen to f0 -Q in || return 1
    for vip in 10.1.0.100 10.1.0.102 10.1.0.103 [2001:db8:1::100] [2001:db8:1::104]; do
        at client curl -sg --max-time 1 http://$vip/ >/dev/null 2>&1 && { echo "$vip answers"; return 1; }
    done
    heard front back from to
    local before=$(count before "$OF_THE_SERVICES") asked=$(count to "$OF_THE_SERVICES") again=$(count from "$OF_THE_SERVICES")
    local left=$(($(count front "$OF_THE_SERVICES") + $(count back "$OF_THE_SERVICES")))
    echo "$before frames left before it; then clients sent $asked, servers $again, and $left left"
    [ $left = 0 ] || { tcpdump -Z root -n -r $work/front.pcap -c 3 "$OF_THE_SERVICES"; tcpdump -Z root -n -r $work/back.pcap -c 3 "$OF_THE_SERVICES"; }
    [ $left = 0 ] && [ $before -gt 0 ] && [ $asked -gt 0 ] && [ $again -gt 0 ] || return 1
    # It is the claim that holds them: everything else is routed as ever.
    at s1 ping -c 1 -w 5 $client4 >/dev/null && at s1 ping -c 1 -w 5 $client6 >/dev/null || { echo 'nothing is routed at all'; return 1; }
    echo 'while a ping of the server is routed'
}

again() {
    start_again || return 1
    pages 10.1.0.100 6
}

# --- the rest

returns() {
    $ip link delete $1
    sleep 1
    $ip link add link ${1%.*} name $1 type vlan id ${1#*.}
    $ip link set $1 up
    patiently 10 pages 10.1.0.100 2
    pages 10.1.0.100 4
}

stop() {
    kill $suimon
    wait $suimon
    local ended=$? left
    left="$($ip route show type blackhole) $($ip -6 route show type blackhole)"
    left="$left $(ls /sys/class/net | grep suimon) $(/usr/sbin/tc filter show dev f0.100 ingress)$(/usr/sbin/tc qdisc show dev f0.100 ingress)"
    echo "status $ended, left:" $left
    [ $ended = 0 ] && [ -z "$(echo $left)" ]
}

kind_of_shield() {
    local filter=$(/usr/sbin/tc filter show dev f0.100 ingress)
    echo $filter | cut -c 1-160
    case $1 in
        program) echo "$filter" | grep -q ' jited\| id [0-9]' ;;
        classic) echo "$filter" | grep -q 'bytecode' ;;
    esac
}

dd if=/dev/urandom of=$work/big bs=65536 count=48 2>/dev/null
build
echo "# kernel $(uname -r)"
check 'suimon starts' start auto
check 'the shield is the program' kind_of_shield program
listen f0 f0
listen b0 b0
for family in 4 6; do
    check "nat v$family" pages $(address 100 $family) 6
    check "nat download v$family" download $(address 100 $family)
done
heard f0 b0
check 'tags are on the wire' tags
check 'super-frames pass' super_frames
for family in 4 6; do
    check "nat connections v$family" many $family $(address 100 $family)
    check "udp nat v$family" datagrams $family $(address 100 $family):7
    check "udp direct v$family" datagrams $family $(address 101 $family):7
    number=101
    for method in direct fullnat ipip gre gue; do
        check "$method v$family" pages $(address $number $family) 4
        check "$method download v$family" download $(address $number $family)
        number=$((number + 1))
    done
done
check 'ipip across families v4' pages 10.1.0.103:8080 4
check 'ipip across families v6' pages [2001:db8:1::103]:8080 4
check 'tunnels end in the kernel' unwrapped ipip4 ipip6 sit4 gre4 gre6
check 'virtio-net v4' pages 10.3.0.100 4
check 'virtio-net download v4' download 10.3.0.100
check 'virtio-net v6' pages [2001:db8:3::100] 4
check 'virtio-net download v6' download [2001:db8:3::100]
check 'a vlan device returns' returns b0.200
check 'nothing leaves the dead, program' crash
check 'a restart serves, program' again
check 'a clean stop leaves nothing, program' stop

echo 0 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
check 'suimon starts, classic' start classic
check 'the shield is classic' kind_of_shield classic
for family in 4 6; do
    check "nat v$family, classic" pages $(address 100 $family) 6
    check "nat download v$family, classic" download $(address 100 $family)
    check "nat connections v$family, classic" many $family $(address 100 $family)
    check "udp nat v$family, classic" datagrams $family $(address 100 $family):7
    check "fullnat v$family, classic" pages $(address 102 $family) 4
    check "direct v$family, classic" pages $(address 101 $family) 4
done
check 'nothing leaves the dead, classic' crash
check 'a restart serves, classic' again
check 'a clean stop leaves nothing, classic' stop

sed 's/^/# suimon: /' $work/suimon.log | grep -v INFO | head -n 40
exit $status
