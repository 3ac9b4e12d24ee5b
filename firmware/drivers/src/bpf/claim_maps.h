// The words of the claim program: marks, kinds, reasons, and its maps. Layouts and numbers are those of claim/maps.rs
// and claim/statistics.rs.

#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

// Upper half of the mark of claimed packets; the lowest byte is the worker (mark.rs).
#define MARK_MAGIC 0x53750000
#define MARK_WORKER 0x000000ff

// What an address is to us (claim/maps.rs, `kind`).
#define IS_VIP 0x01
#define IS_SNAT 0x02
#define IS_OWN 0x04
#define IS_BACKEND 0x08
#define IS_TUNNEL_SOURCE 0x10
#define IS_TUNNEL_END 0x20

// What an endpoint is (claim/maps.rs, `role`).
#define REPLIES 0x01
#define TUNNEL 0x02

// Bits of settings.flags.
#define HAS_VIP_PREFIXES 0x01

// Indices of `statistics` (claim/statistics.rs, in the same order).
enum reason {
	PASSED,
	PASSED_FOREIGN,
	PASSED_VLAN,
	PASSED_MALFORMED,
	PASSED_FRAGMENT,
	CLAIMED_VIP,
	CLAIMED_SNAT,
	CLAIMED_ENDPOINT,
	CLAIMED_FLOW,
	CLAIMED_ICMP_ERROR,
	CLAIMED_TUNNEL_ERROR,
	CLAIMED_NEIGHBOR,
	CLAIMED_FRAGMENT,
	REASONS,
};

struct address {
	__u32 word[4];
};

struct settings {
	__u32 workers;
	__u32 seed;
	__u32 flags;
	__u32 mask_v4[4];
	__u32 mask_v6[4];
};

struct prefix_key {
	__u32 bits;
	struct address address;
};

struct endpoint_key {
	struct address address;
	__be16 port;
	__u8 protocol;
	__u8 zero;
};

struct flow_key {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 zero[3];
};

struct fragment_key {
	struct address source;
	struct address destination;
	__u32 identification;
	__u8 protocol;
	__u8 zero[3];
};

struct mac_key {
	__u8 byte[6];
	__u8 zero[2];
};

// Sizes of the maps that grow with the configuration are set by the loader.

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct address);
	__type(value, __u32);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct prefix_key);
	__type(value, __u32);
} vip_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct endpoint_key);
	__type(value, __u32);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct flow_key);
	__type(value, __u32);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct mac_key);
	__type(value, __u32);
} macs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct fragment_key);
	__type(value, __u32);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASONS);
	__type(key, __u32);
	__type(value, __u64);
} statistics SEC(".maps");

