/** An IP address as its bytes: 4 of them, or 16. */
export type IpAddress = { readonly version: 4 | 6; readonly bytes: readonly number[] };

/** All addresses that begin with the same `bits` bits as `first`. */
export type IpRange = { readonly first: IpAddress; readonly bits: number };

/**
 * Reads an address that is written in the one usual way: four decimal numbers for IPv4, RFC 4291 §2.2 for IPv6. Everything else is
 * null: octal, hexadecimal, shortened and padded forms mean different addresses to different readers, and a zone (`%eth0`) is of
 * this machine alone.
 */
export const parseIpAddress = (text: string): IpAddress | null => {
  const version = text.includes(":") ? 6 : 4;
  const bytes = version === 6 ? ipv6Bytes(text) : ipv4Bytes(text);
  return bytes === null ? null : { version, bytes };
};

/** Reads `10.0.0.0/8`, `fd00::/8`, or one address. Null where it is neither, or where bits beyond the prefix are set. */
export const parseIpRange = (text: string): IpRange | null => {
  const [head = "", length, ...more] = text.split("/");
  const first = parseIpAddress(head);
  if (first === null || more.length > 0) return null;
  const all = first.bytes.length * 8;
  if (length === undefined) return { first, bits: all };
  const bits = decimal(length, all);
  if (bits === null || !isFirstOf(first, bits)) return null;
  return { first, bits };
};

export const isInRange = (address: IpAddress, { first, bits }: IpRange): boolean =>
  address.version === first.version &&
  first.bytes.every((byte, index) => {
    const mask = maskOf(bits, index);
    return ((address.bytes[index] ?? 0) & mask) === (byte & mask);
  });

/** The bits of byte number `index` that a prefix of this length covers. */
const maskOf = (bits: number, index: number): number => {
  const covered = Math.min(Math.max(bits - index * 8, 0), 8);
  return (0xff << (8 - covered)) & 0xff;
};

const isFirstOf = ({ bytes }: IpAddress, bits: number): boolean =>
  bytes.every((byte, index) => (byte & ~maskOf(bits, index)) === 0);

/** A number from 0 to `largest`, without signs, spaces or leading zeros. */
const decimal = (text: string, largest: number): number | null =>
  /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= largest ? Number(text) : null;

const ipv4Bytes = (text: string): readonly number[] | null => {
  const bytes = text.split(".").map((part) => decimal(part, 255));
  return bytes.length === 4 && bytes.every((byte) => byte !== null) ? bytes : null;
};

const GROUPS = 8;

const ipv6Bytes = (text: string): readonly number[] | null => {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [left, right] = [halves[0] ?? "", halves[1]];
  const before = groupsOf(left, right === undefined);
  if (right === undefined) return before?.length === GROUPS ? before.flatMap(bytesOf) : null;
  const after = groupsOf(right, true);
  if (before === null || after === null) return null;
  const missing = GROUPS - before.length - after.length;
  if (missing < 1) return null;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after].flatMap(bytesOf);
};

const bytesOf = (group: number): readonly number[] => [group >> 8, group & 0xff];

/** The 16-bit groups of one side of `::`; only the end of an address may be written as IPv4. */
const groupsOf = (text: string, isEnd: boolean): readonly number[] | null => {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = isEnd && index === parts.length - 1 && part.includes(".") ? ipv4Bytes(part) : null;
    if (ipv4 !== null) {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
};
