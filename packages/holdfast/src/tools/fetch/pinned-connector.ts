import type { LookupFunction, Socket } from "node:net";
import { isIP } from "node:net";
import type { buildConnector } from "undici";
import { isHoldfastError, ToolError } from "../../core/errors.ts";
import { parseIpAddress } from "../../core/ip-address.ts";
import { checkAddresses, type Place } from "./check-address.ts";
import type { FetchSettings } from "./fetch-settings.ts";
import { refused } from "./refused.ts";

type Build = typeof buildConnector;
type Target = buildConnector.Options;
type Callback = buildConnector.Callback;

type ConnectorTerms = { readonly settings: FetchSettings; readonly signal: AbortSignal };

/**
 * How every connection of a fetch is made: the name is looked up once, all its addresses are judged, and the socket is given these
 * very addresses, so that no second answer of a name server is ever asked for. Host, SNI and certificate stay those of the name.
 */
export const pinnedConnector =
  (build: Build, { settings, signal }: ConnectorTerms): buildConnector.connector =>
  (target, callback) => {
    void connect({ build, settings, signal, target }).then(
      (socket) => callback(null, socket),
      (thrown: unknown) => callback(toError(thrown), null),
    );
  };

type Connecting = ConnectorTerms & { readonly build: Build; readonly target: Target };

const connect = async ({ build, settings, signal, target }: Connecting): Promise<Socket> => {
  const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
  const place: Place = { host, port: portOf(target) };
  // Addresses are connected to without being looked up: they are their own answer.
  const addresses = isIP(host) === 0 ? await lookUp(host, settings) : [host];
  checkAddresses(addresses, place, settings);
  // An answer that comes after the fetch was given up connects nobody any more.
  signal.throwIfAborted();
  const connectTo = build({ lookup: answerWith(addresses), autoSelectFamily: true, allowH2: false });
  const socket = await new Promise<Socket>((resolve, reject) => {
    // What it could not connect it calls back about with one argument alone.
    const done: Callback = (error, made) => (error === null ? resolve(made) : reject(toError(error)));
    connectTo(target, done);
  });
  if (isOneOf(addresses, socket.remoteAddress)) return socket;
  socket.destroy();
  throw refused("address", `${host} answered from an address that was not looked up.`);
};

const portOf = ({ port, protocol }: Target): number =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);

const lookUp = async (host: string, { lookup }: FetchSettings): Promise<readonly string[]> => {
  try {
    // A dot at the end says that the name is whole; not every resolver knows `localhost.` then.
    return await lookup(host.endsWith(".") ? host.slice(0, -1) : host);
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

export const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "UNKNOWN";

/** Answers the socket's own question with what was judged. */
const answerWith =
  (addresses: readonly string[]): LookupFunction =>
  (_host, { all }, callback) => {
    const answers = addresses.map((address) => ({ address, family: isIP(address) }));
    const first = answers[0];
    if (all === true || first === undefined) callback(null, answers);
    else callback(null, first.address, first.family);
  };

const isOneOf = (addresses: readonly string[], found: string | undefined): boolean => {
  const bytesOf = (text: string): string => String(parseIpAddress(text)?.bytes);
  return found !== undefined && addresses.some((address) => bytesOf(address) === bytesOf(found));
};

const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new ToolError("The connection could not be made.");
