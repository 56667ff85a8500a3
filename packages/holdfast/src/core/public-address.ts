import { isInRange, parseIpAddress, parseIpRange, type IpAddress, type IpRange } from "./ip-address.ts";

/** What an address is for; only `public` ones are of the internet at large. */
export type AddressKind =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "metadata"
  | "multicast"
  | "unspecified"
  | "ipv4-in-ipv6"
  | "reserved";

type Row = readonly [block: string, kind: AddressKind];
type Block = { readonly range: IpRange; readonly kind: AddressKind };

const tableOf = (rows: readonly Row[]): readonly Block[] =>
  rows.flatMap(([block, kind]) => {
    const range = parseIpRange(block);
    return range === null ? [] : [{ range, kind }];
  });

/**
 * The blocks that are not globally reachable, by the special-purpose registries of RFC 6890 (updated by RFC 8190), which are kept at
 * https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry; with
 * multicast (RFC 5771, RFC 4291 §2.7) and the addresses of cloud metadata services. The first row that fits counts.
 *
 * A few single addresses inside these blocks are globally reachable by the registry (192.0.0.9, 192.0.0.10, and some of 2001::/23).
 * They are anycast addresses of protocols other than HTTP, and are refused with their block.
 */
const IPV4_BLOCKS = tableOf([
  ["169.254.169.254/32", "metadata"], // most clouds
  ["169.254.170.0/24", "metadata"], // credentials of containers and pods on AWS
  ["100.100.100.200/32", "metadata"], // Alibaba Cloud
  ["192.0.0.192/32", "metadata"], // Oracle Cloud
  ["168.63.129.16/32", "metadata"], // Azure's own host, although the address is a public one
  ["0.0.0.0/8", "unspecified"], // "this network"; systems take 0.0.0.0 for themselves
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "private"], // shared address space behind carriers' NAT
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "reserved"], // IETF protocol assignments
  ["192.0.2.0/24", "reserved"], // documentation
  ["192.88.99.0/24", "reserved"], // 6to4 relays, deprecated
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "reserved"], // benchmarking
  ["198.51.100.0/24", "reserved"], // documentation
  ["203.0.113.0/24", "reserved"], // documentation
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"], // with the limited broadcast
]);

const IPV6_BLOCKS = tableOf([
  ["fd00:ec2::/32", "metadata"], // AWS: fd00:ec2::254 and its neighbours
  ["fd20:ce::254/128", "metadata"], // Google Cloud
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["::ffff:0:0/96", "ipv4-in-ipv6"], // IPv4-mapped
  ["::ffff:0:0:0/96", "ipv4-in-ipv6"], // IPv4-translated (RFC 7915)
  ["::/96", "ipv4-in-ipv6"], // IPv4-compatible, deprecated
  ["64:ff9b:1::/48", "ipv4-in-ipv6"], // NAT64 of one network's own (RFC 8215)
  ["2001::/32", "ipv4-in-ipv6"], // Teredo
  ["2002::/16", "ipv4-in-ipv6"], // 6to4
  ["2001::/23", "reserved"], // IETF protocol assignments
  ["2001:db8::/32", "reserved"], // documentation
  ["3fff::/20", "reserved"], // documentation
  ["2000::/3", "public"], // all that is given out as global unicast
  ["fc00::/7", "private"], // unique local
  ["fe80::/10", "link-local"],
  ["fec0::/10", "private"], // site-local, deprecated
  ["ff00::/8", "multicast"],
  ["::/0", "reserved"],
]);

/** NAT64's well-known prefix: on networks with IPv6 alone, every IPv4 site is reached by it (RFC 6052 §2.1). */
const NAT64 = parseIpRange("64:ff9b::/96");

/** What `address` is for. Total. */
export const addressKind = (address: IpAddress): AddressKind => {
  // What is behind it decides: the prefix stands for nothing but the last four bytes.
  if (NAT64 !== null && isInRange(address, NAT64))
    return addressKind({ version: 4, bytes: address.bytes.slice(12) });
  const blocks = address.version === 4 ? IPV4_BLOCKS : IPV6_BLOCKS;
  return blocks.find(({ range }) => isInRange(address, range))?.kind ?? "public";
};

/** Whether `text` is an IP address of the internet at large; false for whatever is no address in its usual form. */
export const isPublicAddress = (text: string): boolean => {
  const address = parseIpAddress(text);
  return address !== null && addressKind(address) === "public";
};
