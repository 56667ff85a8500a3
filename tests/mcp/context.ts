import { join } from "node:path";
import type { ToolContext } from "holdfast/ports";

const log = { debug: console.error, info: console.error, warn: console.error, error: console.error };

/** What a tool is given, outside of any session. */
export const contextIn = (folder: string): ToolContext => ({
  session: { id: "session", tenant: null, user: null, attributes: {} },
  runId: "run",
  callId: "call",
  signal: new AbortController().signal,
  attempt: 1,
  resume: null,
  suspend: () => {
    throw new TypeError("nobody is waited for");
  },
  idempotencyKey: "key",
  artifacts: { save: async ({ name, mediaType }) => ({ name, mediaType, bytes: 0, digest: "" }) },
  workspace: {
    path: async () => folder,
    resolve: async (path) => join(folder, path),
    write: async (path) => path,
    read: async () => new Uint8Array(),
  },
  secret: (name) => name,
  log,
  history: {
    search: async () => [],
    read: async () => [],
    searchOthers: async () => ({ entries: [], unreadable: [] }),
  },
  progress: (message) => console.error(`progress: ${message}`),
  deps: undefined,
});
