// Which packets are the engine's: the one decision, made at tc ingress.
//
// A claimed packet gets a mark that names its worker and the type PACKET_OTHERHOST: the engine's taps for ETH_P_IP and
// ETH_P_IPV6, which stand behind tc, still see it, ip_rcv() and ipv6_rcv() drop it. Anything else is the kernel's and
// leaves as it came. The maps are filled by claim.rs; their layouts are in claim/maps.rs.
//
// Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, so that one map serves both families.

#include "claim_maps.h"
#include "claim_parse.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

inline int is_v4(const struct address *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == bpf_htonl(0xffff);
}

// In step with engine::tables::Spread::worker: the client's address alone, never a port.
outline __u32 worker_of_client(const struct settings *settings, const struct address *client)
{
	const __u32 *mask;
	__u32 mix;

	if (!settings || !client || settings->workers <= 1)
		return 0;
	mask = is_v4(client) ? settings->mask_v4 : settings->mask_v6;
	mix = settings->seed;
	for (int i = 0; i < 4; i++) {
		mix = (mix ^ bpf_ntohl(client->word[i] & mask[i])) * 0x9e3779b1;
		mix ^= mix >> 15;
	}
	return ((__u64)mix * settings->workers) >> 32;
}

// Full NAT's source ports are divided among the workers.
inline __u32 worker_of_port(const struct settings *settings, __be16 port)
{
	__u32 workers = settings->workers;

	return workers <= 1 ? 0 : bpf_ntohs(port) % workers;
}

// A prefix counts only for an address that is nothing else: a cache's network may hold the box and its backends.
outline __u32 kind_of(const struct settings *settings, const struct address *address)
{
	__u32 *kind, found;

	if (!settings || !address)
		return 0;
	kind = bpf_map_lookup_elem(&addresses, address);
	found = kind ? *kind : 0;
	if (settings->flags & HAS_VIP_PREFIXES && !(found & (IS_VIP | IS_SNAT | IS_OWN | IS_BACKEND))) {
		struct prefix_key key = { .bits = 128, .address = *address };

		if (bpf_map_lookup_elem(&vip_prefixes, &key))
			found |= IS_VIP;
	}
	return found;
}

inline __u32 role_of(const struct address *address, __u8 protocol, __be16 port)
{
	struct endpoint_key key = { .address = *address, .port = port, .protocol = protocol };
	__u32 *role = bpf_map_lookup_elem(&endpoints, &key);

	return role ? *role : 0;
}

// Whether a packet from a backend's address belongs to a service: PASSED, or the reason to claim it.
outline int reply_of(const struct packet *packet)
{
	struct flow_key key = {};

	if (!packet)
		return PASSED;
	// In doubt it is claimed: what the kernel would forward shows the backend's address to a client.
	if (!packet->reached)
		return CLAIMED_ENDPOINT;
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return PASSED;
	if (role_of(&packet->source, packet->protocol, packet->source_port) & REPLIES)
		return CLAIMED_ENDPOINT;
	key.source = packet->source;
	key.destination = packet->destination;
	key.source_port = packet->source_port;
	key.destination_port = packet->destination_port;
	key.protocol = packet->protocol;
	if (bpf_map_lookup_elem(&flows, &key))
		return CLAIMED_FLOW;
	key.source_port = 0;
	return bpf_map_lookup_elem(&flows, &key) ? CLAIMED_FLOW : PASSED;
}

// The client of a packet inside one of our tunnels; the error may have cut it off.
outline __u32 worker_of_inner(struct __sk_buff *skb, const struct settings *settings, const struct packet *outer)
{
	struct address client = {};
	__u32 at;
	__u8 version;

	if (!outer)
		return 0;
	at = outer->l4;
	if (outer->protocol == IPPROTO_GRE) {
		__u8 flags;

		if (bpf_skb_load_bytes(skb, at, &flags, 1) < 0)
			return 0;
		// RFC 2784 2.1, RFC 2890 2: checksum, key and sequence number add four bytes each.
		at += 4 + (flags & 0x80 ? 4 : 0) + (flags & 0x20 ? 4 : 0) + (flags & 0x10 ? 4 : 0);
	} else if (outer->protocol == IPPROTO_UDP) {
		__u8 first;

		if (bpf_skb_load_bytes(skb, at + 8, &first, 1) < 0)
			return 0;
		// GUE: version 1 is the bare IP header; version 0 has a header of 4 bytes and its options.
		at += first >> 6 ? 8 : 12 + (first & 0x1f) * 4;
	}
	if (bpf_skb_load_bytes(skb, at, &version, 1) < 0)
		return 0;
	if (version >> 4 == 4) {
		client.word[2] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes(skb, at + 12, &client.word[3], 4) < 0)
			return 0;
	} else if (bpf_skb_load_bytes(skb, at + 8, &client, 16) < 0) {
		return 0;
	}
	return worker_of_client(settings, &client);
}

// An ICMP error about `inner` that is addressed to an address of kind `to`.
outline int decide_error(struct __sk_buff *skb, const struct settings *settings, const struct packet *inner, __u32 to,
			 __u32 *worker)
{
	__u32 from_kind, to_kind;

	if (!settings || !inner || !worker)
		return PASSED;
	from_kind = kind_of(settings, &inner->source);
	to_kind = kind_of(settings, &inner->destination);
	if (from_kind & IS_TUNNEL_SOURCE && to_kind & IS_TUNNEL_END) {
		__be16 port = inner->protocol == IPPROTO_UDP ? inner->destination_port : 0;

		if (role_of(&inner->destination, inner->protocol, port) & TUNNEL) {
			*worker = worker_of_inner(skb, settings, inner);
			return CLAIMED_TUNNEL_ERROR;
		}
	}
	// The box's own probes use the same endpoints: an error sent to the box itself is about those.
	if (to & IS_OWN)
		return PASSED;
	if (from_kind & IS_VIP) {
		*worker = worker_of_client(settings, &inner->destination);
		return CLAIMED_ICMP_ERROR;
	}
	if (from_kind & IS_SNAT) {
		*worker = worker_of_port(settings, inner->source_port);
		return CLAIMED_ICMP_ERROR;
	}
	if (to_kind & IS_VIP) {
		*worker = worker_of_client(settings, &inner->source);
		return CLAIMED_ICMP_ERROR;
	}
	if (to_kind & IS_SNAT) {
		*worker = worker_of_port(settings, inner->destination_port);
		return CLAIMED_ICMP_ERROR;
	}
	if (from_kind & IS_BACKEND && reply_of(inner) != PASSED) {
		*worker = worker_of_client(settings, &inner->destination);
		return CLAIMED_ICMP_ERROR;
	}
	if (to_kind & IS_BACKEND) {
		struct packet reply = *inner;

		reply.source = inner->destination;
		reply.destination = inner->source;
		reply.source_port = inner->destination_port;
		reply.destination_port = inner->source_port;
		if (reply_of(&reply) != PASSED) {
			*worker = worker_of_client(settings, &inner->source);
			return CLAIMED_ICMP_ERROR;
		}
	}
	return PASSED;
}

inline int is_error(int v6, __u8 type)
{
	// RFC 4443 2.1; RFC 1122 3.2.2.
	return v6 ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

// What the ICMP message at packet->l4 says of others; PASSED when it has to be judged by its own addresses.
outline int decide_icmp(struct __sk_buff *skb, const struct settings *settings, const struct packet *packet, __u32 to,
			__u32 *worker)
{
	__u8 type;

	if (!settings || !packet || !worker || bpf_skb_load_bytes(skb, packet->l4, &type, 1) < 0)
		return PASSED;
	if (packet->v6 && (type == 135 || type == 136)) {
		struct address target;

		// RFC 4861 4.3, 4.4. All go to one worker: the answer does not depend on who asks.
		if (bpf_skb_load_bytes(skb, packet->l4 + 8, &target, 16) < 0)
			return PASSED;
		*worker = 0;
		return kind_of(settings, &target) & (IS_VIP | IS_SNAT) ? CLAIMED_NEIGHBOR : PASSED;
	}
	if (is_error(packet->v6, type)) {
		struct packet inner;

		if (parse(skb, packet->l4 + 8, &inner, packet->v6) == 0)
			return decide_error(skb, settings, &inner, to, worker);
	}
	return PASSED;
}

inline struct fragment_key datagram_of(const struct packet *packet)
{
	struct fragment_key key = {};

	key.source = packet->source;
	key.destination = packet->destination;
	key.identification = packet->identification;
	// RFC 8200 4.5: the three alone name an IPv6 datagram, and a later fragment need not know the protocol.
	key.protocol = packet->v6 ? 0 : packet->protocol;
	return key;
}

// Later fragments have no ports: they follow their first one.
outline int decide_later(const struct settings *settings, const struct packet *packet, __u32 to, __u32 *worker)
{
	struct fragment_key key;
	__u32 *mark;

	if (!settings || !packet || !worker)
		return PASSED;
	*worker = 0;
	if (to & IS_VIP) {
		*worker = worker_of_client(settings, &packet->source);
		return CLAIMED_VIP;
	}
	if (!(to & IS_SNAT)) {
		if (to & IS_OWN || !(kind_of(settings, &packet->source) & IS_BACKEND))
			return PASSED;
		*worker = worker_of_client(settings, &packet->destination);
	}
	key = datagram_of(packet);
	mark = bpf_map_lookup_elem(&fragments, &key);
	if (!mark)
		// GAP(datapath.md 5): a fragment for a SNAT address that overtook its first one goes to worker 0.
		return CLAIMED_FRAGMENT;
	if (!*mark)
		return PASSED_FRAGMENT;
	*worker = *mark & MARK_WORKER;
	return CLAIMED_FRAGMENT;
}

// Only what decide_later() will ask for: anybody can send first fragments.
outline int remember(const struct settings *settings, const struct packet *packet, __u32 mark)
{
	struct fragment_key key;
	__u32 to;

	if (!settings || !packet)
		return 0;
	to = kind_of(settings, &packet->destination);
	if (to & (IS_VIP | IS_OWN) && !(to & IS_SNAT))
		return 0;
	if (!(to & IS_SNAT) && !(kind_of(settings, &packet->source) & IS_BACKEND))
		return 0;
	key = datagram_of(packet);
	bpf_map_update_elem(&fragments, &key, &mark, BPF_ANY);
	return 0;
}

outline int decide(struct __sk_buff *skb, const struct settings *settings, const struct packet *packet, __u32 *worker)
{
	__u32 to, from;
	int reason;

	if (!settings || !packet || !worker)
		return PASSED;
	to = kind_of(settings, &packet->destination);
	if (packet->fragment == LATER)
		return decide_later(settings, packet, to, worker);
	if (packet->reached && packet->protocol == (packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		reason = decide_icmp(skb, settings, packet, to, worker);
		if (reason != PASSED)
			return reason;
	}
	if (to & IS_VIP) {
		*worker = worker_of_client(settings, &packet->source);
		return CLAIMED_VIP;
	}
	if (to & IS_SNAT) {
		*worker = packet->destination_port ? worker_of_port(settings, packet->destination_port)
						   : worker_of_client(settings, &packet->source);
		return CLAIMED_SNAT;
	}
	if (to & IS_OWN)
		return PASSED;
	from = kind_of(settings, &packet->source);
	if (!(from & IS_BACKEND))
		return PASSED;
	*worker = worker_of_client(settings, &packet->destination);
	return reply_of(packet);
}

inline void count(__u32 reason)
{
	__u64 *counter = bpf_map_lookup_elem(&statistics, &reason);

	if (counter)
		*counter += 1;
}

// Frames for other stations reach us on promiscuous and flooded links; those for our virtual addresses too.
inline int is_foreign(struct __sk_buff *skb)
{
	struct mac_key key = {};

	if (skb->pkt_type != PACKET_OTHERHOST)
		return 0;
	return bpf_skb_load_bytes(skb, 0, key.byte, 6) < 0 || !bpf_map_lookup_elem(&macs, &key);
}

SEC("classifier")
int claim(struct __sk_buff *skb)
{
	const struct settings *current;
	struct packet packet;
	__u32 zero = 0, worker = 0, mark = 0;
	int reason;

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_UNSPEC;
	current = bpf_map_lookup_elem(&settings, &zero);
	if (!current)
		return TC_ACT_UNSPEC;
	if (skb->vlan_present && skb->vlan_tci & 0xfff) {
		// The VLAN's own device has its own filter. VID 0 is only a priority.
		reason = PASSED_VLAN;
	} else if (is_foreign(skb)) {
		reason = PASSED_FOREIGN;
	} else if (parse(skb, ETH_HLEN, &packet, skb->protocol == bpf_htons(ETH_P_IPV6)) < 0) {
		reason = PASSED_MALFORMED;
	} else {
		reason = decide(skb, current, &packet, &worker);
		if (reason >= CLAIMED_VIP)
			mark = MARK_MAGIC | (worker & MARK_WORKER);
		if (packet.fragment == FIRST)
			remember(current, &packet, mark);
	}
	count(reason);
	if (mark) {
		skb->mark = mark;
		bpf_skb_change_type(skb, PACKET_OTHERHOST);
	} else if ((skb->mark & ~MARK_WORKER) == MARK_MAGIC) {
		// A mark that only looks like ours, from the other end of a veth in this namespace.
		skb->mark = 0;
	}
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Apache-2.0";
