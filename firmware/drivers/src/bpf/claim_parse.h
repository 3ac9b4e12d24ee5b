// Where the fields of an IP packet are that a decision needs. Bytes are copied: headers need not be in the linear part.

#pragma once

#include "claim_maps.h"

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#define inline static __always_inline
#define outline static __noinline

// Extension headers walked before the upper layer.
#define EXTENSION_HEADERS_MAX 6

enum fragment {
	WHOLE,
	FIRST,
	LATER,
};

struct packet {
	struct address source;
	struct address destination;
	__u32 l4;
	__u32 identification;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 fragment;
	// 0 when the upper layer could not be reached: `protocol` and ports mean nothing then.
	__u8 reached;
	__u8 v6;
};

inline void load_ports(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ports[2];

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return;
	if (bpf_skb_load_bytes(skb, packet->l4, ports, sizeof(ports)) < 0) {
		packet->reached = 0;
		return;
	}
	packet->source_port = ports[0];
	packet->destination_port = ports[1];
}

inline int parse_v4(struct __sk_buff *skb, __u32 at, struct packet *packet)
{
	struct iphdr header;
	__u16 place;

	if (bpf_skb_load_bytes(skb, at, &header, sizeof(header)) < 0 || header.version != 4 || header.ihl < 5)
		return -1;
	packet->source.word[2] = bpf_htonl(0xffff);
	packet->source.word[3] = header.saddr;
	packet->destination.word[2] = bpf_htonl(0xffff);
	packet->destination.word[3] = header.daddr;
	packet->protocol = header.protocol;
	packet->reached = 1;
	packet->l4 = at + header.ihl * 4;
	packet->identification = header.id;
	place = bpf_ntohs(header.frag_off);
	if (place & 0x1fff)
		packet->fragment = LATER;
	else if (place & 0x2000)
		packet->fragment = FIRST;
	if (packet->fragment != LATER)
		load_ports(skb, packet);
	return 0;
}

// RFC 8200 4.1: each extension header names the next.
inline void walk_extensions(struct __sk_buff *skb, __u32 at, __u8 next, struct packet *packet)
{
	for (int i = 0; i <= EXTENSION_HEADERS_MAX; i++) {
		__u8 header[8];

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if (bpf_skb_load_bytes(skb, at, header, 8) < 0)
				return;
			at += ((__u32)header[1] + 1) * 8;
			break;
		case IPPROTO_FRAGMENT:
			if (bpf_skb_load_bytes(skb, at, header, 8) < 0)
				return;
			__builtin_memcpy(&packet->identification, header + 4, 4);
			if (header[2] || header[3] & 0xf8) {
				packet->fragment = LATER;
				return;
			}
			// RFC 6946: offset 0 without more fragments is a whole datagram.
			if (header[3] & 1)
				packet->fragment = FIRST;
			at += 8;
			break;
		default:
			packet->protocol = next;
			packet->l4 = at;
			packet->reached = 1;
			load_ports(skb, packet);
			return;
		}
		next = header[0];
	}
}

inline int parse_v6(struct __sk_buff *skb, __u32 at, struct packet *packet)
{
	struct ipv6hdr header;

	if (bpf_skb_load_bytes(skb, at, &header, sizeof(header)) < 0 || header.version != 6)
		return -1;
	__builtin_memcpy(&packet->source, &header.saddr, 16);
	__builtin_memcpy(&packet->destination, &header.daddr, 16);
	packet->v6 = 1;
	walk_extensions(skb, at + sizeof(header), header.nexthdr, packet);
	return 0;
}

outline int parse(struct __sk_buff *skb, __u32 at, struct packet *packet, int v6)
{
	__builtin_memset(packet, 0, sizeof(*packet));
	return v6 ? parse_v6(skb, at, packet) : parse_v4(skb, at, packet);
}
