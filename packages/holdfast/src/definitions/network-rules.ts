import { lookup as lookUp } from "node:dns/promises";
import { parseIpAddress } from "../core/ip-address.ts";
import { addressKind } from "../core/public-address.ts";
import { parseHostList, portsOf, rulesFor, rulesForAddress, type HostList } from "./host-list.ts";
import { positiveInteger } from "./known-options.ts";
import { refused } from "./refused.ts";

/** All addresses of a host name; rejects when it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** What a kind of tool may reach. */
export type NetworkOptions = {
  /**
   * What may be reached although it is not public, or not on one of `ports`: `"internal.example:8080"`, `"*.internal.example"`,
   * `"10.0.0.0/8"`, `"[fd00::1]:8080"`. A name is allowed wherever it leads, but for the metadata services of clouds; those
   * only by address. An entry without a port is for `ports`.
   */
  readonly allow?: readonly string[];
  /** What is never reached, public or not; it wins over `allow`. */
  readonly deny?: readonly string[];
  /** When given, nothing but these hosts is reached: `["example.com", "*.example.com"]`. Their addresses are judged as ever. */
  readonly allowHosts?: readonly string[];
  /** 80 and 443 by default. */
  readonly ports?: readonly number[];
  /** Finds the addresses of names in place of the system's resolver. What it answers is judged like any answer. */
  readonly lookup?: Lookup;
};

/** The names of `NetworkOptions`. */
export const NETWORK_OPTIONS = ["allow", "deny", "allowHosts", "ports", "lookup"] as const;

/** The options, resolved. */
export type NetworkRules = {
  /** Whose rules these are: the function that was given the options, and the word for what it does with a host. */
  readonly owner: string;
  readonly verb: string;
  readonly allow: HostList;
  readonly deny: HostList;
  /** Null for any. */
  readonly only: HostList | null;
  readonly ports: readonly number[];
  readonly lookup: Lookup;
};

/** A host as URLs have it, without the brackets of an IPv6 address. */
export type Place = { readonly host: string; readonly port: number };

/** @throws ConfigurationError when an option is not usable. */
export const resolveNetworkOptions = (
  options: NetworkOptions,
  { owner, verb }: { readonly owner: string; readonly verb: string },
): NetworkRules => {
  const list = (name: "allow" | "deny" | "allowHosts"): HostList =>
    parseHostList(options[name] ?? [], `${owner}: ${name}`);
  return {
    owner,
    verb,
    allow: list("allow"),
    deny: list("deny"),
    only: options.allowHosts === undefined ? null : list("allowHosts"),
    ports: (options.ports ?? [80, 443]).map((port) => positiveInteger(owner, "ports", port)),
    lookup: options.lookup ?? systemLookup,
  };
};

const systemLookup: Lookup = async (hostname) =>
  (await lookUp(hostname, { all: true, order: "verbatim" })).map(({ address }) => address);

/**
 * Judges what can be judged of a host before any name is looked up. Where the name leads is judged when it is connected to.
 *
 * @throws ToolError when it may not be connected to.
 */
export const checkHost = ({ host, port }: Place, rules: NetworkRules): void => {
  const { allow, deny, only, ports, verb } = rules;
  if (rulesAbout(deny, host, port).length > 0) throw refused("host", `${host} is not to be ${verb} here.`);
  if (only !== null && rulesAbout(only, host, port).length === 0) {
    throw refused("host", `${host} is not among the hosts that may be ${verb} here.`);
  }
  // A range with a port of its own may turn out to be meant only when the name is looked up; it is judged again then.
  if (!ports.includes(port) && !portsOf(allow).includes(port)) {
    throw refused("port", `Port ${port} is not ${verb} here; ports are ${ports.join(", ")}.`);
  }
};

const rulesAbout = (list: HostList, host: string, port: number): HostList => {
  const address = parseIpAddress(host);
  return address === null ? rulesFor(list, host, port) : rulesForAddress(list, address, port);
};

/**
 * Judges the addresses that a name has led to. One that is forbidden forbids all: a name with a public and a private address is
 * an attempt on us or a mistake, and which one is tried would be the resolver's choice.
 *
 * @throws ToolError when one of them may not be connected to, or there is none.
 */
export const checkAddresses = (addresses: readonly string[], place: Place, rules: NetworkRules): void => {
  if (addresses.length === 0) throw refused("address", `${place.host} has no address.`);
  for (const address of addresses) checkAddress(address, place, rules);
};

const checkAddress = (text: string, { host, port }: Place, rules: NetworkRules): void => {
  const { allow, deny, ports, owner, verb } = rules;
  const address = parseIpAddress(text);
  // A zone, or whatever else is no plain address.
  if (address === null) throw refused("address", `${host} does not lead to a plain address.`);
  if (rulesForAddress(deny, address, port).length > 0) {
    throw refused("address", `${host} is not to be ${verb} here.`);
  }
  const kind = addressKind(address);
  // 0.0.0.0 is nowhere: a system that takes it for itself answers from another address than was judged.
  if (kind === "unspecified") throw refused("address", `${host} does not lead to an address of a host.`);
  const isNamed = rulesForAddress(allow, address, port).some(isForPort(port, rules));
  if (isNamed) return;
  const isAllowed = rulesFor(allow, host, port).some(isForPort(port, rules));
  if (isAllowed && kind !== "metadata") return;
  if (kind !== "public") {
    throw refused(
      "address",
      `${host} is not on the public internet (${kind} address), and is not ${verb} here.`,
      `Add it to "allow" of ${owner} if agents may reach it.`,
    );
  }
  if (!ports.includes(port)) {
    throw refused("port", `Port ${port} of ${host} is not ${verb} here; ports are ${ports.join(", ")}.`);
  }
};

/** An entry with a port is for that port, one without for the usual ones. */
const isForPort =
  (port: number, { ports }: NetworkRules) =>
  (rule: { readonly port: number | null }): boolean =>
    rule.port === port || ports.includes(port);
