import { isIP, type LookupFunction } from "node:net";
import { isHoldfastError, ToolError } from "../core/errors.ts";
import { parseIpAddress } from "../core/ip-address.ts";
import { withoutDot } from "./host-list.ts";
import { checkAddresses, type NetworkRules, type Place } from "./network-rules.ts";

/**
 * The addresses of a host, looked up once and judged. A socket is to be given these very addresses (`answerWith`), so that no second
 * answer of a name server is ever asked for, and to be checked against them (`isOneOf`) once it is connected.
 *
 * @throws ToolError when there is none, or when one may not be connected to.
 */
export const pinnedAddresses = async (place: Place, rules: NetworkRules): Promise<readonly string[]> => {
  // Addresses are connected to without being looked up: they are their own answer.
  const addresses = isIP(place.host) === 0 ? await lookUp(place.host, rules) : [place.host];
  checkAddresses(addresses, place, rules);
  return addresses;
};

const lookUp = async (host: string, { lookup }: NetworkRules): Promise<readonly string[]> => {
  try {
    // A dot at the end says that the name is whole; not every resolver knows `localhost.` then.
    return await lookup(withoutDot(host));
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause;
    throw new ToolError(`The address of ${host} could not be found.`, {
      executed: false,
      // A name that does not exist, unlike a name server that does not answer.
      retryable: !["ENOTFOUND", "ENODATA"].includes(codeOf(cause)),
      details: { reason: "lookup", code: codeOf(cause) },
    });
  }
};

/** The code of an error of the system; its message may hold addresses. */
export const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "UNKNOWN";

/** Answers the socket's own question with what was judged. */
export const answerWith =
  (addresses: readonly string[]): LookupFunction =>
  (_host, { all }, callback) => {
    const answers = addresses.map((address) => ({ address, family: isIP(address) }));
    const first = answers[0];
    if (all === true || first === undefined) callback(null, answers);
    else callback(null, first.address, first.family);
  };

/** Whether a socket is connected to one of them. */
export const isOneOf = (addresses: readonly string[], found: string | undefined): boolean => {
  const bytesOf = (text: string): string => String(parseIpAddress(text)?.bytes);
  return found !== undefined && addresses.some((address) => bytesOf(address) === bytesOf(found));
};
