import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { ToolError } from "../../core/errors.ts";
import type { Place } from "../../definitions/network-rules.ts";
import { answerWith, isOneOf, pinnedAddresses } from "../../definitions/pinned-addresses.ts";
import { refused } from "../../definitions/refused.ts";
import type { FetchSettings } from "./fetch-settings.ts";

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
  const addresses = await pinnedAddresses(place, settings.network);
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

const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new ToolError("The connection could not be made.");
