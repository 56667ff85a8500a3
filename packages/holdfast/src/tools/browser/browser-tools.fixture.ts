/** Sites on this machine, and a browser that may reach them. */
import { AssertionError } from "node:assert";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { isHoldfastError, toldByError } from "../../core/errors.ts";
import { contextOf } from "../../definitions/servers.fixture.ts";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import type { ToolContext, Workspace } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import type { BrowserToolName, BrowserToolsOptions } from "./browser-settings.ts";
import { browserTools } from "./browser-tools.ts";
import { testBrowser } from "./test-browser.fixture.ts";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Pages by their paths: HTML, or what answers. */
export type Pages = Readonly<Record<string, string | Answer>>;

export type Site = {
  readonly at: string;
  readonly port: number;
  readonly url: string;
  /** What was asked for, as `METHOD /path`. */
  readonly hits: string[];
  readonly stop: () => Promise<void>;
};

/** Serves pages on 127.0.0.2, which stands for the public internet, until the test ends. */
export const startSite = async (pages: Pages, address = "127.0.0.2"): Promise<Site> => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    const page = pages[(request.url ?? "").split("?")[0] ?? ""];
    if (typeof page === "function") page(request, response);
    else if (page === undefined)
      response.writeHead(404, { "content-type": "text/html" }).end("<p>nothing here");
    else response.setHeader("content-type", "text/html; charset=utf-8").end(page);
  });
  await once(server.listen(0, address), "listening");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  const { port } = server.address() as AddressInfo;
  return { at: `${address}:${port}`, port, url: `http://${address}:${port}`, hits, stop };
};

/** A folder on disk as a workspace. */
const workspaceIn = (folder: string): Workspace => ({
  path: async () => folder,
  resolve: async (path) => join(folder, path),
  write: async (path, content) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
    return join(folder, path);
  },
  read: (path) => readFile(join(folder, path)),
});

export const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-browser-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

export type Caller = {
  readonly folder: string;
  /** What was saved with results: names and media types. */
  readonly saved: readonly string[];
  /** What the model is told. */
  readonly call: (name: BrowserToolName, input?: object, more?: Partial<ToolContext>) => Promise<string>;
  /** What became of a call that fails. */
  readonly failureOf: (
    name: BrowserToolName,
    input?: object,
    more?: Partial<ToolContext>,
  ) => Promise<{
    readonly code: string;
    readonly message: string;
    readonly reason: unknown;
    readonly executed: boolean | undefined;
    readonly retryable: boolean;
  }>;
};

export type Browsing = {
  readonly tools: readonly DefinedTool[];
  readonly resource: ToolResource;
  /** A session of its own, in a folder of its own. */
  readonly session: (id?: string, folder?: string) => Promise<Caller>;
};

/** Tools whose browser may reach these sites, closed when the test ends. */
export const browsing = async (
  sites: readonly Site[],
  options: BrowserToolsOptions = {},
): Promise<Browsing> => {
  const tools = browserTools({
    executablePath: await testBrowser(),
    allow: sites.map(({ at }) => at),
    lookup: async () => ["127.0.0.2"],
    ...options,
  });
  const [first] = tools;
  if (first?.resource === undefined) throw new AssertionError({ message: "there are no tools" });
  const { resource } = first;
  onTestFinished(() => resource.close());
  const toolOf = (name: BrowserToolName): DefinedTool => {
    const found = tools.find((tool) => tool.name === `browser_${name}`);
    if (found === undefined) throw new AssertionError({ message: `there is no ${name}` });
    return found;
  };
  let calls = 0;
  const session = async (id = "session-1", given?: string): Promise<Caller> => {
    const folder = given ?? (await temporary());
    const saved: string[] = [];
    const call: Caller["call"] = async (name, input = {}, more = {}) => {
      calls += 1;
      const tool = toolOf(name);
      const parsed = await tool.parseInput(input as never);
      if (!parsed.ok) throw new AssertionError({ message: parsed.issues.join("; ") });
      const context = contextOf({
        session: { id, tenant: null, user: null, attributes: {} },
        workspace: workspaceIn(folder),
        artifacts: {
          save: async ({ name, mediaType }) => {
            saved.push(`${name} ${mediaType}`);
            return { name, mediaType, bytes: 0, digest: "" };
          },
        },
        idempotencyKey: `key-${calls}`,
        callId: `call_${calls}_0`,
        ...more,
      });
      const { value } = await tool.toOutput(await tool.execute(parsed.value, context));
      return typeof value === "string" ? value : JSON.stringify(value);
    };
    return { folder, saved, call, failureOf: (...given) => failureOf(() => call(...given)) };
  };
  return { tools, resource, session };
};

const failureOf = async (work: () => Promise<string>) => {
  const thrown: unknown = await work().then(
    (text) => new AssertionError({ message: `it did not fail: ${text}` }),
    (error: unknown) => error,
  );
  if (!isHoldfastError(thrown)) throw thrown;
  const { code, message, retryable, details } = thrown.failure;
  return { code, message, retryable, reason: details?.["reason"], executed: toldByError(thrown).executed };
};

/** The reference of the element that is shown with these words. */
export const refOf = (shown: string, words: string): string => {
  const line = shown.split("\n").find((each) => each.includes(words) && each.includes("[ref="));
  const found = /\[ref=(v\d+(?:f\d+)?e\d+)\]/.exec(line ?? "")?.[1];
  if (found === undefined)
    throw new AssertionError({ message: `nothing is called "${words}" in:\n${shown}` });
  return found;
};

/** What came of a process, itself left out, and is not merely waiting to be collected. */
export const descendantsOf = async (root: number): Promise<readonly number[]> => {
  const parents = new Map<number, number>();
  for (const entry of await readdir("/proc")) {
    const text = /^\d+$/.test(entry) ? await readFile(`/proc/${entry}/stat`, "latin1").catch(() => "") : "";
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (text !== "" && state !== "Z") parents.set(Number(entry), Number(parent));
  }
  const isBelow = (pid: number, depth = 0): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && depth < 9 && (parent === root || isBelow(parent, depth + 1));
  };
  return [...parents.keys()].filter((pid) => isBelow(pid));
};

export const commandOf = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");

/** Processes of browsers that this one has started, with what stands beside them. */
export const browserProcesses = async (): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const pid of await descendantsOf(process.pid))
    if (/chromium|chrome|holdfast-browser-keeper/.test(await commandOf(pid))) found.push(pid);
  return found;
};
