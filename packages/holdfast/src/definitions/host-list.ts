import { domainToASCII } from "node:url";
import { ConfigurationError } from "../core/errors.ts";
import { isInRange, parseIpRange, type IpAddress, type IpRange } from "../core/ip-address.ts";

/** Where an entry of a list applies: names or addresses, and a port of its own where it has one. */
type HostRule = {
  readonly port: number | null;
  readonly at:
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "subdomains"; readonly suffix: string }
    | { readonly kind: "range"; readonly range: IpRange };
};

/** Hosts by name, by `*.name`, by address and by range, each with or without a port. */
export type HostList = readonly HostRule[];

/** @throws ConfigurationError when an entry is none of that. */
export const parseHostList = (entries: readonly string[], owner: string): HostList =>
  entries.map((entry) => {
    const rule = parseRule(entry);
    if (rule !== null) return rule;
    throw new ConfigurationError("OPTION_INVALID", `${owner}: "${String(entry)}" is no host.`, {
      hint: 'Give "example.com", "*.example.com", "10.1.2.3", "10.0.0.0/8" or "fd00::/8"; with a port as "example.com:8080" or "[fd00::1]:8080".',
    });
  });

/** The rule of an address that was looked up, or of a name as a URL holds it. */
export const rulesFor = (list: HostList, host: string, port: number): HostList => {
  const name = withoutDot(host);
  return list.filter((rule) => isOfPort(rule, port) && isOfName(rule, name));
};

export const rulesForAddress = (list: HostList, address: IpAddress, port: number): HostList =>
  list.filter(
    (rule) => isOfPort(rule, port) && rule.at.kind === "range" && isInRange(address, rule.at.range),
  );

/** Ports that entries name themselves. */
export const portsOf = (list: HostList): readonly number[] =>
  list.flatMap(({ port }) => (port === null ? [] : [port]));

const isOfPort = (rule: HostRule, port: number): boolean => rule.port === null || rule.port === port;

const isOfName = ({ at }: HostRule, name: string): boolean => {
  if (at.kind === "name") return at.name === name;
  return at.kind === "subdomains" && name.endsWith(at.suffix);
};

/** `example.com.` is `example.com` to every resolver, and more dots are one to some who read URLs. */
export const withoutDot = (host: string): string => host.replace(/\.+$/, "");

const parseRule = (entry: unknown): HostRule | null => {
  if (typeof entry !== "string") return null;
  const whole = parseIpRange(entry);
  if (whole !== null) return { port: null, at: { kind: "range", range: whole } };
  const found = /^(?:\[([^\]]+)\]|([^:[\]/\\?#@%\s]+))(?::([1-9]\d{0,4}))?$/.exec(entry);
  if (found === null) return null;
  const [, bracketed, plain, portText] = found;
  const port = portText === undefined ? null : Number(portText);
  const at = placeOf(bracketed, plain ?? "");
  return at === null || (port !== null && port > 65_535) ? null : { port, at };
};

const placeOf = (bracketed: string | undefined, plain: string): HostRule["at"] | null => {
  const range = parseIpRange(bracketed ?? plain);
  if (range !== null) return { kind: "range", range };
  if (bracketed !== undefined) return null;
  const isSuffix = plain.startsWith("*.");
  const name = domainToASCII(withoutDot(isSuffix ? plain.slice(2) : plain));
  // What URLs read as an address is to be written as one.
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || /(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return null;
  return isSuffix ? { kind: "subdomains", suffix: `.${name}` } : { kind: "name", name };
};
