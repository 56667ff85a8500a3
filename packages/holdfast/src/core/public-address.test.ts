import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInRange, parseIpAddress, parseIpRange } from "./ip-address.ts";
import { addressKind, isPublicAddress, type AddressKind } from "./public-address.ts";

const kindOf = (text: string): AddressKind | null => {
  const address = parseIpAddress(text);
  return address === null ? null : addressKind(address);
};

describe("an address", () => {
  it.each<[AddressKind, string]>([
    ["public", "8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0"],
    [
      "public",
      "172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255",
    ],
    ["public", "192.31.196.1 192.52.193.1 192.175.48.1 192.0.1.0 192.0.3.0 169.253.255.255 169.255.0.0"],
    [
      "public",
      "2606:4700:4700::1111 2001:4860:4860::8888 2001:200::1 2003::1 2620:4f:8000::1 2a00::1 3fff:1000::",
    ],
    ["public", "64:ff9b::8.8.8.8 64:ff9b::808:808"],
    ["loopback", "127.0.0.1 127.0.0.0 127.1.2.3 127.255.255.255 ::1 0:0:0:0:0:0:0:1 64:ff9b::127.0.0.1"],
    [
      "private",
      "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 64:ff9b::a00:1",
    ],
    ["private", "100.64.0.0 100.127.255.255 fc00::1 fd00::1 fdff:ffff::1 fec0::1 feff::1"],
    ["link-local", "169.254.0.0 169.254.255.255 fe80::1 febf:ffff::1"],
    ["metadata", "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16"],
    ["metadata", "fd00:ec2::254 fd00:ec2::23 fd20:ce::254 64:ff9b::169.254.169.254"],
    ["multicast", "224.0.0.1 239.255.255.255 ff02::1 ffff::1"],
    ["unspecified", "0.0.0.0 0.1.2.3 0.255.255.255 ::"],
    ["ipv4-in-ipv6", "::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:7f00:1 ::FFFF:0808:0808 ::ffff:0:8.8.8.8"],
    ["ipv4-in-ipv6", "::127.0.0.1 ::8.8.8.8 ::2 64:ff9b:1::1 64:ff9b:1:ffff::7f00:1"],
    ["ipv4-in-ipv6", "2001::1 2001:0:ffff::1 2002:7f00:1:: 2002:808:808::1"],
    ["reserved", "192.0.0.0 192.0.0.9 192.0.0.255 192.0.2.1 192.88.99.1 198.18.0.0 198.19.255.255"],
    ["reserved", "198.51.100.1 203.0.113.255 240.0.0.0 255.255.255.255"],
    [
      "reserved",
      "2001:1::1 2001:20::1 2001:1ff::1 2001:db8::1 3fff::1 3fff:fff::1 100::1 100:0:0:1::1 5f00::1",
    ],
    ["reserved", "4000::1 8000::1 f000::1 fe00::1 1::1 64:ff9b:0:1::1 64:ff9b:2::1"],
  ])("is %s: %s", (kind, texts) => {
    for (const text of texts.split(" ")) {
      expect(isIP(text), text).not.toBe(0);
      expect([text, kindOf(text)]).toEqual([text, kind]);
      expect(isPublicAddress(text)).toBe(kind === "public");
    }
  });

  it.each([
    [
      "numbers that are not decimal",
      "0x7f.0.0.1 0177.0.0.1 127.0.0.01 00.0.0.0 127.0.0.0x1 1e1.0.0.1 ٣.0.0.1",
    ],
    [
      "too few or too many of them",
      "127.1 2130706433 127.0.1 1.2.3.4.5 1.2.3. .1.2.3 1..2.3 256.0.0.1 -1.0.0.1 1.2.3.1000",
    ],
    [
      "groups that do not add up",
      "::1::1 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7:8:: ::1:2:3:4:5:6:7:8 : ::: 1: :1",
    ],
    [
      "what stands around an address",
      "[::1] ::1%lo fe80::1%eth0 ::1/128 1.2.3.4/32 1.2.3.4:80 http://1.2.3.4 localhost",
    ],
    ["IPv4 in the wrong place", "1.2.3.4:: ::1.2.3.4:1 ::1.2.3 ::1.2.3.04 1:2:3:4:5:6:7:1.2.3.4 ::12345 ::g"],
  ])("is not what is written with %s: %s", (_what, texts) => {
    for (const text of [...texts.split(" "), "", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "::1\n"]) {
      expect([text, kindOf(text), isPublicAddress(text)]).toEqual([text, null, false]);
    }
  });

  it("is read as Node reads it, whatever is given", () => {
    const like = fc.string({
      unit: fc.constantFrom(...Array.from("0123456789abcdefF:.:.:%/x")),
      maxLength: 45,
    });
    fc.assert(
      fc.property(fc.oneof(like, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        const version = text.includes("%") ? 0 : isIP(text);
        expect(parseIpAddress(text)?.version ?? 0).toBe(version);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a range", () => {
  it("holds what Node's own list holds", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, address, fc.nat(128), (first, other, length) => {
        const read = parseIpAddress(first);
        if (read === null) return;
        const bits = Math.min(length, read.bytes.length * 8);
        const list = new BlockList();
        const family = (text: string) => (text.includes(":") ? "ipv6" : "ipv4");
        list.addSubnet(first, bits, family(first));
        for (const asked of [first, other]) {
          const one = parseIpAddress(asked);
          // Node takes an IPv4-mapped address for the IPv4 one; here they are two.
          if (one === null || one.version !== read.version) continue;
          expect(isInRange(one, { first: read, bits })).toBe(list.check(asked, family(asked)));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it("is refused when it is not one, or says more than its prefix", () => {
    for (const text of [
      "10.0.0.0/33",
      "10.0.0.1/8",
      "10.0.0.0/08",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "::1/64",
      "::/129",
      "/8",
    ])
      expect([text, parseIpRange(text)]).toEqual([text, null]);
    expect(parseIpRange("10.1.2.3")?.bits).toBe(32);
    expect(parseIpRange("::1")?.bits).toBe(128);
    expect(parseIpRange("0.0.0.0/0")?.bits).toBe(0);
  });

  it("of one kind of address holds none of the other", () => {
    const [all4, all6] = [parseIpRange("0.0.0.0/0"), parseIpRange("::/0")];
    const [one4, one6] = [parseIpAddress("1.2.3.4"), parseIpAddress("::ffff:1.2.3.4")];
    if (all4 === null || all6 === null || one4 === null || one6 === null) throw new Error("not read");
    expect([isInRange(one4, all4), isInRange(one6, all6)]).toEqual([true, true]);
    expect([isInRange(one4, all6), isInRange(one6, all4)]).toEqual([false, false]);
  });
});
