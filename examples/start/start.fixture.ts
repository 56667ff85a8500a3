import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRuntime, type SessionEvent } from "holdfast";
import { AGENT_NAME, createReviewer } from "./agent.ts";
import { deskLogFile } from "./desk-process.ts";
import { prove, type Proof } from "./proof.ts";
import { createStandIn } from "./scripted/model.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** An empty directory to run in, and a small folder with something to find in it. */
export type Place = {
  readonly cwd: string;
  readonly folder: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** What is in the data directory, read without working on it. */
  look(): Promise<readonly Looked[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type Looked = {
  readonly status: string;
  readonly events: readonly SessionEvent[];
  readonly proof: Proof;
};

export const makePlace = async (): Promise<Place> => {
  const cwd = await mkdtemp(join(tmpdir(), "holdfast-start-"));
  const folder = join(cwd, "folder");
  await fill(folder);
  return {
    cwd,
    folder,
    start: (args, env = {}) => start(cwd, args, env),
    look: () => look(join(cwd, ".holdfast")),
    [Symbol.asyncDispose]: async () => {
      await stopDesk(cwd);
      await rm(cwd, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

const fill = async (folder: string): Promise<void> => {
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "README.md": "# A small folder\n\nThere is something to find in it.\n",
    LICENSE: "All rights reversed. ".repeat(20),
    "docs/LICENSE": "All rights reversed. ".repeat(20),
    "src/long.ts": `import { a } from "./a.ts";\n// TODO: make this shorter\n${"a();\n".repeat(600)}`,
    "src/a.ts": "export const a = (): void => {};\n",
    "src/b.ts": 'import { a } from "./a.ts";\na();\n',
    "data.bin": new Uint8Array(5_000),
    "node_modules/skipped/index.js": "// TODO: never seen\n",
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
};

/** The environment of somebody who has no key. */
const environment = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  ...(process.env["SystemRoot"] === undefined ? {} : { SystemRoot: process.env["SystemRoot"] }),
  ...more,
});

const start = async (
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> => {
  const flags = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", MAIN];
  const child = spawn(process.execPath, [...flags, ...args], { cwd, env: environment(env) });
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.on("error", reject);
  child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr: withoutStalls(stderr) }));
  return promise;
};

/** On a machine with more to do than it can, the event loop is held up by others, and it is right to say so. */
const withoutStalls = (stderr: string): string =>
  stderr.replaceAll(/^holdfast warn: .*\bheld\b.* for \d+ ms.*\n/gm, "");

const look = async (dataDir: string): Promise<readonly Looked[]> => {
  const agents = [createReviewer(createStandIn())];
  await using runtime = await createRuntime({ agents, dataDir, isWorker: false });
  const { sessions } = await runtime.listSessions({ agent: AGENT_NAME });
  const looked: Looked[] = [];
  for (const { sessionId, status } of sessions) {
    const session = await runtime.getSession(sessionId);
    const proof = await prove(session, deskLogFile(dataDir));
    looked.push({ status, events: await Array.fromAsync(session.history()), proof });
  }
  return looked;
};

/** A desk whose client was killed waits for a while; tests do not. */
const stopDesk = async (cwd: string): Promise<void> => {
  const place = await readFile(join(cwd, ".holdfast", "findings-desk", "desk.json"), "utf8").catch(
    () => null,
  );
  if (place === null) return;
  const { url } = JSON.parse(place) as { readonly url: string };
  await fetch(`${url}/clients`, { method: "DELETE", body: '{"pid":0}' }).catch(() => undefined);
};
