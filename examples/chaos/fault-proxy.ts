/**
 * Stands between the agent and the office, and harms a share of the requests. The same seed throws the same dice; which request each
 * falls on is up to the order they come in.
 */
import { once } from "node:events";
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/**
 * - `refuse`: the connection is closed, and the office hears of nothing.
 * - `busy`: 503, and the office hears of nothing.
 * - `delay`: the office hears of it late, if whoever asked still waits.
 * - `cut`: the office does it, and half of its answer comes back.
 * - `corrupt`: the office does it, and rubbish stands in the middle of its answer.
 * - `silence`: the office does it, and no answer comes.
 */
export const FAULTS = ["refuse", "busy", "delay", "cut", "corrupt", "silence"] as const;

export type Fault = (typeof FAULTS)[number];

export type FaultProxy = {
  readonly port: number;
  /** How often each fault was done, and how many requests there were. */
  readonly done: Map<Fault | "requests", number>;
  /** Sets the share of requests that are harmed, 0 to 1. It is 0 at first. */
  readonly harm: (share: number) => void;
  readonly close: () => Promise<void>;
};

const DELAYS_MS = [50, 200, 400];

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export const dice = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

type Exchange = {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly port: number;
};

/** What the office says to this request; null when whoever asked is gone or the office is. */
const askOffice = async ({ incoming, port }: Exchange, body: Buffer) => {
  const asking = send({
    host: "127.0.0.1",
    port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, connection: "close" },
  });
  asking.end(body);
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  return { answer, said: await read(answer) };
};

const read = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const corrupted = (said: Buffer): Buffer => {
  const spoilt = Buffer.from(said);
  return spoilt.fill(0x15, Math.floor(said.length / 4), Math.ceil((said.length * 3) / 4));
};

const pass = async (exchange: Exchange, fault: Fault | null): Promise<void> => {
  const { incoming, outgoing } = exchange;
  const body = await read(incoming);
  if (fault === "refuse") return void incoming.socket.destroy();
  if (fault === "busy") return void outgoing.writeHead(503, { "retry-after": "0" }).end();
  if (fault === "delay") await wait(DELAYS_MS[body.length % DELAYS_MS.length]);
  if (incoming.socket.destroyed) return;
  const { answer, said } = await askOffice(exchange, body);
  if (fault === "silence") return;
  const { "transfer-encoding": _, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, { ...headers, "content-length": said.length });
  if (fault !== "cut") return void outgoing.end(fault === "corrupt" ? corrupted(said) : said);
  outgoing.write(said.subarray(0, said.length / 2), () => incoming.socket.destroy());
};

/** Opens a proxy to the office on a free port. */
export const openFaultProxy = async (port: number, seed: number): Promise<FaultProxy> => {
  const throwDice = dice(seed);
  const done = new Map<Fault | "requests", number>();
  let share = 0;
  const count = (what: Fault | "requests"): void => void done.set(what, (done.get(what) ?? 0) + 1);
  const server = createServer((incoming, outgoing) => {
    const fault = throwDice() < share ? FAULTS[Math.floor(throwDice() * FAULTS.length)] : undefined;
    count("requests");
    if (fault !== undefined) count(fault);
    outgoing.on("error", () => undefined);
    pass({ incoming, outgoing, port }, fault ?? null).catch(() => incoming.socket.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    done,
    harm: (part) => void (share = part),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
