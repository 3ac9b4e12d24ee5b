/* Plays a scenario to the IPVS of the kernel it runs on, and writes down which server it chose.
 *
 * Reads a scenario on standard input (scenarios.py makes them), writes the same lines to standard output, each followed
 * by what the kernel shows afterwards: behind "->" the server of the connection (/proc/net/ip_vs_conn), behind "|"
 * active/inactive connections of each server in the order of the kernel's list (/proc/net/ip_vs).
 *
 * Packets leave through raw sockets with the client's address as source: IPVS handles them in LOCAL_OUT. Only the
 * client speaks; that is enough for IPVS's TCP states (SYN: SYN_RECV, ACK: ESTABLISHED, FIN: CLOSE_WAIT, RST: CLOSE).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVERS_MAX 64
#define ARRIVALS_MAX 4096
#define MARK 1

struct endpoint { int family; unsigned char address[16]; unsigned port; };
struct server { char name[16]; struct endpoint at; };
struct arrival { struct endpoint client, vip; unsigned sequence; };

static struct server servers[SERVERS_MAX];
static int servers_count;
static struct arrival arrivals[ARRIVALS_MAX];
static int arrivals_count;
static struct endpoint service;
static char service_words[128]; /* how ipvsadm names the service */
static int udp, marked;

static void fail(const char *what, const char *line)
{
    fprintf(stderr, "drive: %s: %s\n", what, line);
    exit(1);
}

static void run(const char *format, ...)
{
    char command[512];
    va_list values;
    va_start(values, format);
    vsnprintf(command, sizeof command, format, values);
    va_end(values);
    if (system(command) != 0)
        fail("failed", command);
}

/* "10.0.0.1:80", "[2001:db8::1]:80", or hexadecimal as the kernel prints them. */
static struct endpoint parse_endpoint(const char *text)
{
    struct endpoint endpoint = { .family = AF_INET };
    char address[64];
    if (sscanf(text, "[%63[^]]]:%u", address, &endpoint.port) == 2)
        endpoint.family = AF_INET6;
    else if (sscanf(text, "%63[^:]:%u", address, &endpoint.port) != 2)
        fail("not an address and port", text);
    if (inet_pton(endpoint.family, address, endpoint.address) != 1)
        fail("not an address", text);
    return endpoint;
}

static struct endpoint parse_kernel(const char *address, const char *port)
{
    struct endpoint endpoint = { .family = AF_INET, .port = strtoul(port, 0, 16) };
    char inner[64];
    if (strchr(address, ':')) {
        endpoint.family = AF_INET6;
        if (sscanf(address, "[%63[^]]", inner) != 1)
            snprintf(inner, sizeof inner, "%s", address);
        if (inet_pton(AF_INET6, inner, endpoint.address) != 1)
            fail("not an address of the kernel's", address);
    } else {
        unsigned long host = htonl(strtoul(address, 0, 16));
        memcpy(endpoint.address, &host, 4);
    }
    return endpoint;
}

static int same(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->address, b->address, 16) == 0;
}

static const char *server_at(const struct endpoint *at)
{
    for (int i = 0; i < servers_count; i++)
        if (same(&servers[i].at, at))
            return servers[i].name;
    return "?";
}

static unsigned short checksum(const void *data, size_t length, unsigned long sum)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons(~sum);
}

/* One packet without data from `client` to `vip`. */
static void send_packet(const struct endpoint *client, const struct endpoint *vip, unsigned sequence, int flags)
{
    int v6 = vip->family == AF_INET6, size = v6 ? 16 : 4, header = v6 ? 40 : 20, length = udp ? 8 : 20;
    unsigned char packet[64] = { 0 }, *ports = packet + header;
    unsigned protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
    if (v6) {
        packet[0] = 0x60, packet[5] = length, packet[6] = protocol, packet[7] = 64;
        memcpy(packet + 8, client->address, 16), memcpy(packet + 24, vip->address, 16);
    } else {
        packet[0] = 0x45, packet[3] = header + length, packet[8] = 64, packet[9] = protocol;
        memcpy(packet + 12, client->address, 4), memcpy(packet + 16, vip->address, 4);
    }
    ports[0] = client->port >> 8, ports[1] = client->port, ports[2] = vip->port >> 8, ports[3] = vip->port;
    if (udp) {
        ports[5] = length;
    } else {
        unsigned order = htonl(sequence);
        memcpy(ports + 4, &order, 4);
        ports[12] = 0x50, ports[13] = flags, ports[14] = 0x20;
    }
    unsigned short sum = checksum(packet + header - 2 * size, length + 2 * size, protocol + length);
    memcpy(ports + (udp ? 6 : 16), &sum, 2);

    int raw = socket(vip->family, SOCK_RAW, IPPROTO_RAW), mark = MARK;
    if (raw < 0 || (marked && setsockopt(raw, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0))
        fail("no raw socket", "");
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
    memcpy(&to.sin_addr, vip->address, 4), memcpy(&to6.sin6_addr, vip->address, 16);
    /* An error is no failure of ours: IPVS without a server refuses the packet. */
    sendto(raw, packet, header + length, 0, v6 ? (void *)&to6 : (void *)&to, v6 ? sizeof to6 : sizeof to);
    close(raw);
}

static void print_choice(const struct arrival *arrival)
{
    char line[512], word[6][64];
    FILE *file = fopen("/proc/net/ip_vs_conn", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%*s %63s %63s %63s %63s %63s %63s", word[0], word[1], word[2], word[3], word[4], word[5]) != 6
            || strcmp(word[0], "FromIP") == 0)
            continue;
        struct endpoint client = parse_kernel(word[0], word[1]), chosen = parse_kernel(word[4], word[5]);
        if (same(&client, &arrival->client)) {
            printf(" -> %s", server_at(&chosen));
            fclose(file);
            return;
        }
    }
    if (file)
        fclose(file);
    printf(" -> none");
}

static void print_counts(void)
{
    char line[512], where[80];
    int active, inactive;
    FILE *file = fopen("/proc/net/ip_vs", "r");
    printf(" |");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, " -> %79s %*s %*d %d %d", where, &active, &inactive) != 3)
            continue;
        char *colon = strrchr(where, ':');
        *colon = 0;
        struct endpoint at = parse_kernel(where, colon + 1);
        printf(" %s %d/%d", server_at(&at), active, inactive);
    }
    if (file)
        fclose(file);
}

/* IPVS forgets connections after 900 s at most, removed servers after some more. */
static void new_sequence(void)
{
    run("ipvsadm -C");
    if (arrivals_count > 0)
        sleep(1200);
    servers_count = arrivals_count = 0;
}

/* service tcp|udp ADDRESS:PORT|mark SCHEDULER [FLAGS] */
static void add_service(char *line)
{
    char protocol[8], where[64], scheduler[16], flags[32] = "", family[4] = "";
    if (sscanf(line, "service %7s %63s %15s %31s", protocol, where, scheduler, flags) < 3)
        fail("not a service", line);
    udp = strcmp(protocol, "udp") == 0;
    marked = strncmp(where, "mark", 4) == 0;
    if (marked) {
        if (strcmp(where, "mark6") == 0)
            strcpy(family, " -6");
        snprintf(service_words, sizeof service_words, "-f %d%s", MARK, family);
    } else {
        service = parse_endpoint(where);
        snprintf(service_words, sizeof service_words, "%s %s", udp ? "-u" : "-t", where);
    }
    run("ipvsadm -A %s -s %s%s%s", service_words, scheduler, *flags ? " -b " : "", flags);
}

/* server|change NAME ADDRESS:PORT weight W [upper U lower L] */
static void set_server(const char *line)
{
    char verb[8], name[16], where[64];
    unsigned weight, upper = 0, lower = 0;
    if (sscanf(line, "%7s %15s %63s weight %u upper %u lower %u", verb, name, where, &weight, &upper, &lower) < 4)
        fail("not a server", line);
    run("ipvsadm %s %s -r %s -m -w %u -x %u -y %u", verb[0] == 's' ? "-a" : "-e", service_words, where, weight, upper,
        lower);
    struct endpoint at = parse_endpoint(where);
    if (strcmp(server_at(&at), "?") == 0 && servers_count < SERVERS_MAX) {
        struct server *server = &servers[servers_count++];
        server->at = at;
        snprintf(server->name, sizeof server->name, "%s", name);
    }
}

/* arrive|knock CLIENT:PORT [to VIP:PORT] */
static void arrive(const char *line)
{
    char verb[8], client[64], vip[64];
    int words = sscanf(line, "%7s %63s to %63s", verb, client, vip);
    if (words < 2 || arrivals_count == ARRIVALS_MAX)
        fail("not an arrival, or too many", line);
    struct arrival *arrival = &arrivals[arrivals_count++];
    arrival->client = parse_endpoint(client);
    arrival->vip = words == 3 ? parse_endpoint(vip) : service;
    arrival->sequence = 1000;
    send_packet(&arrival->client, &arrival->vip, arrival->sequence++, TH_SYN);
    if (verb[0] == 'a' && !udp)
        send_packet(&arrival->client, &arrival->vip, arrival->sequence, TH_ACK);
    print_choice(arrival);
}

/* close|finish NUMBER: RST or FIN of the arrival with this number, from 1 */
static void leave(const char *line)
{
    char verb[8];
    int number;
    if (sscanf(line, "%7s %d", verb, &number) != 2 || number < 1 || number > arrivals_count)
        fail("no such arrival", line);
    struct arrival *arrival = &arrivals[number - 1];
    send_packet(&arrival->client, &arrival->vip, arrival->sequence++,
                verb[0] == 'c' ? TH_RST | TH_ACK : TH_FIN | TH_ACK);
}

int main(void)
{
    char line[512];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        printf("%s", line);
        int counts = 1;
        if (strncmp(line, "service ", 8) == 0) {
            add_service(line);
            counts = 0;
        } else if (strncmp(line, "sequence ", 9) == 0) {
            new_sequence();
            counts = 0;
        } else if (strncmp(line, "server ", 7) == 0 || strncmp(line, "change ", 7) == 0) {
            set_server(line);
        } else if (strncmp(line, "remove ", 7) == 0) {
            char where[64];
            if (sscanf(line, "remove %*s %63s", where) != 1)
                fail("not a server", line);
            run("ipvsadm -d %s -r %s", service_words, where);
        } else if (strncmp(line, "arrive ", 7) == 0 || strncmp(line, "knock ", 6) == 0) {
            arrive(line);
        } else if (strncmp(line, "close ", 6) == 0 || strncmp(line, "finish ", 7) == 0) {
            leave(line);
        } else if (strncmp(line, "wait ", 5) == 0) {
            sleep(atoi(line + 5));
        } else if (*line == 0 || *line == '#') {
            counts = 0;
        } else {
            fail("not understood", line);
        }
        if (counts)
            print_counts();
        printf("\n");
        fflush(stdout);
    }
    new_sequence();
    return 0;
}
