/** Servers of the tests' own: HTTP that counts who came, and DNS that answers as told. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Resolver } from "node:dns/promises";
import { ToolError } from "../core/errors.ts";
import type { ToolContext } from "../ports/tool.ts";
import type { Lookup } from "./network-rules.ts";

export type CountingServer = {
  readonly port: number;
  /** Hosts of the requests that arrived, as they were sent. */
  readonly hits: string[];
  readonly stop: () => Promise<void>;
};

/** Listens on all addresses of this machine, IPv4 and IPv6, or on one. */
export const startServer = async (
  answer: RequestListener,
  address = "::",
  port = 0,
): Promise<CountingServer> => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.headers.host ?? "");
    answer(request, response);
  });
  await once(server.listen(port, address), "listening");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, hits, stop };
};

export type NameServer = {
  readonly lookup: Lookup;
  readonly asked: string[];
  readonly stop: () => void;
};

/** What a name answers: the n-th time it is asked. */
export type Zone = (name: string, time: number) => readonly string[];

/** A name server for A records on UDP, and the lookup that asks it. */
export const startNameServer = async (zone: Zone): Promise<NameServer> => {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const name = nameIn(query);
    asked.push(name);
    const answers = zone(name, asked.filter((each) => each === name).length);
    socket.send(answerTo(query, answers), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return { lookup: (hostname) => resolver.resolve4(hostname), asked, stop: () => socket.close() };
};

const HEADER = 12;

const nameIn = (query: Buffer): string => {
  const labels: string[] = [];
  for (let at = HEADER; query[at] !== 0 && at < query.length; at += (query[at] ?? 0) + 1) {
    labels.push(query.toString("latin1", at + 1, at + 1 + (query[at] ?? 0)));
  }
  return labels.join(".").toLowerCase();
};

/** The question with its answers: type A, class IN, no time to live. */
const answerTo = (query: Buffer, addresses: readonly string[]): Buffer => {
  const end = query.indexOf(0, HEADER) + 5;
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]),
  );
  return Buffer.concat([header, query.subarray(HEADER, end), ...records]);
};

/** As much of a call as a tool asks for. */
export const contextOf = (more: Partial<ToolContext> = {}): ToolContext => {
  const silent = (): void => {};
  const missing = (): Promise<never> => Promise.reject(new ToolError("There is no workspace here."));
  return {
    session: { id: "ses_1", tenant: null, user: null, attributes: {} } as never,
    runId: "run_1",
    callId: "call_1",
    signal: new AbortController().signal,
    attempt: 1,
    resume: null,
    suspend: () => {
      throw new ToolError("Nothing is waited for here.");
    },
    idempotencyKey: "key_1",
    artifacts: { save: missing },
    workspace: { path: missing, resolve: missing, write: missing, read: missing },
    history: {
      search: async () => [],
      read: async () => [],
      searchOthers: async () => ({ entries: [], unreadable: [] }),
    },
    secret: () => "",
    log: { debug: silent, info: silent, warn: silent, error: silent },
    progress: silent,
    deps: {},
    ...more,
  };
};
