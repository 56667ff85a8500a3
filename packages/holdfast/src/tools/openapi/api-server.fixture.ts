import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { HoldfastError } from "../../core/errors.ts";
import type { ToolContext } from "../../ports/tool.ts";

/** A request as a server saw it. */
export type Seen = {
  readonly method: string;
  /** Path and query, as they were written. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
};

type Answer = (request: Seen, response: ServerResponse) => void;

/** A real server for one test, which keeps what it was asked and answers as told. */
export const startApi = async (
  answer: Answer = (_, response) => void response.writeHead(204).end(),
): Promise<{ readonly url: string; readonly seen: Seen[] }> => {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString("latin1") };
      seen.push(one);
      answer(one, response);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen };
};

export const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
};

/** What a tool is told of its call, with a workspace in memory. */
export const contextWith = (
  more: Partial<ToolContext> = {},
  files: Map<string, Uint8Array> = new Map(),
): ToolContext => ({
  session: { id: "session", tenant: "acme", user: "ann", attributes: {} },
  runId: "run",
  callId: "call_1_0",
  signal: new AbortController().signal,
  attempt: 1,
  resume: null,
  suspend: () => {
    throw new HoldfastError("INTERNAL", "Not here.");
  },
  idempotencyKey: "key-1",
  artifacts: { save: () => Promise.reject(new HoldfastError("INTERNAL", "Not here.")) },
  workspace: {
    path: async () => "/",
    resolve: async (path) => path,
    write: async (path, content) => {
      files.set(path, Buffer.from(content));
      return path;
    },
    read: async (path) => files.get(path) ?? Promise.reject(new HoldfastError("INTERNAL", "No such file.")),
  },
  secret: (name) => `secret-${name}`,
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  history: {
    search: async () => [],
    read: async () => [],
    searchOthers: async () => ({ entries: [], unreadable: [] }),
  },
  progress: () => {},
  deps: {},
  ...more,
});

/** A document of 3.0 with these paths. */
export const documentOf = (paths: object, more: object = {}): object => ({
  openapi: "3.0.3",
  info: { title: "Test", version: "1" },
  paths,
  ...more,
});
