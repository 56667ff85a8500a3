import { parseIpAddress } from "../../core/ip-address.ts";
import { addressKind } from "../../core/public-address.ts";
import type { FetchSettings } from "./fetch-settings.ts";
import { rulesFor, rulesForAddress } from "./host-list.ts";
import { refused } from "./refused.ts";

export type Place = { readonly host: string; readonly port: number };

/**
 * Judges the addresses that a name has led to. One that is forbidden forbids all: a name with a public and a private address is
 * an attempt on us or a mistake, and which one is tried would be the resolver's choice.
 *
 * @throws ToolError when one of them may not be connected to, or there is none.
 */
export const checkAddresses = (addresses: readonly string[], place: Place, settings: FetchSettings): void => {
  if (addresses.length === 0) throw refused("address", `${place.host} has no address.`);
  for (const address of addresses) checkAddress(address, place, settings);
};

const checkAddress = (text: string, { host, port }: Place, settings: FetchSettings): void => {
  const address = parseIpAddress(text);
  // A zone, or whatever else is no plain address.
  if (address === null) throw refused("address", `${host} does not lead to a plain address.`);
  if (rulesForAddress(settings.deny, address, port).length > 0) {
    throw refused("address", `${host} is not to be fetched here.`);
  }
  const kind = addressKind(address);
  // 0.0.0.0 is nowhere: a system that takes it for itself answers from another address than was judged.
  if (kind === "unspecified") throw refused("address", `${host} does not lead to an address of a host.`);
  const isNamed = rulesForAddress(settings.allow, address, port).some(isForPort(port, settings));
  if (isNamed) return;
  const isAllowed = rulesFor(settings.allow, host, port).some(isForPort(port, settings));
  if (isAllowed && kind !== "metadata") return;
  if (kind !== "public") {
    throw refused(
      "address",
      `${host} is not on the public internet (${kind} address), and is not fetched here.`,
      `Add it to "allow" of fetchTool if agents may fetch it.`,
    );
  }
  if (!settings.ports.includes(port)) {
    throw refused(
      "port",
      `Port ${port} of ${host} is not fetched here; ports are ${settings.ports.join(", ")}.`,
    );
  }
};

/** An entry with a port is for that port, one without for the usual ones. */
const isForPort =
  (port: number, { ports }: FetchSettings) =>
  (rule: { readonly port: number | null }): boolean =>
    rule.port === port || ports.includes(port);
