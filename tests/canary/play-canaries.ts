/**
 * Many sessions at once, each with a word of its own in its tenant, user, attributes, inputs, arguments, results, files and secret.
 * Whatever is seen of a session is searched for the words of others.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRuntime, defineAgent, type Logger, type Runtime } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { keepApart, keepHere } from "./canary-tools.ts";

export type CanaryOptions = {
  readonly sessions: number;
  readonly dataDir: string;
  /** Sessions that are begun before the first of them is waited for. */
  readonly atOnce: number;
};

export type CanaryReport = {
  readonly sessions: number;
  /** Texts that were searched, by where they were seen. */
  readonly searched: Readonly<Record<string, number>>;
  /** Words in a place of another session, or a secret anywhere. */
  readonly mixed: readonly string[];
};

const RUNS = 2;

const hexOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);
export const wordOf = (session: number): string => `canary-${session}-${hexOf(`word ${session}`)}`;
/** What `KEY_OF canary-…` is: it must be seen nowhere at all (O2). */
const secretOf = (word: string): string => `key-${hexOf(`secret ${word}`)}`;
const WORD = /canary-\d+-[0-9a-f]{12}/g;
const SECRET = /key-[0-9a-f]{12}/;

/** Searches what is seen, and remembers what does not belong there. */
export class Watch {
  readonly searched: Record<string, number> = {};
  readonly mixed: string[] = [];
  /** By the id of a session, where only that is known. */
  readonly words = new Map<string, string>();

  look(where: string, own: string, seen: unknown): void {
    const text = typeof seen === "string" ? seen : JSON.stringify(seen);
    this.searched[where] = (this.searched[where] ?? 0) + 1;
    for (const [word] of text.matchAll(WORD)) {
      if (word !== own) this.mixed.push(`${where} of ${own}: ${word}`);
    }
    if (SECRET.test(text)) this.mixed.push(`${where} of ${own}: a secret`);
  }
}

const watchingLogger = (watch: Watch): Logger => {
  const at = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    const own = watch.words.get(String(fields["sessionId"])) ?? "nobody";
    watch.look("log", own, [message, fields]);
  };
  return { debug: at, info: at, warn: at, error: at };
};

const ownOf = (text: string): string => /canary-\d+-[0-9a-f]{12}/.exec(text)?.[0] ?? "nobody";

const watchedAgent = (watch: Watch) => {
  const model = scriptedModel(({ messages, lastUserText, toolResults }) => {
    const own = ownOf(lastUserText);
    watch.look("model request", own, messages);
    if (toolResults.length > 0) return { text: `${own} has ${JSON.stringify(toolResults)}`, deltas: 3 };
    const input = { word: own, turn: messages.length };
    return { toolCalls: ["keep_here", "keep_apart"].map((name) => ({ name, input })) };
  });
  return defineAgent({ name: "keeper", model, instructions: "Keep words.", tools: [keepHere, keepApart] });
};

const openWatched = (
  agent: ReturnType<typeof watchedAgent>,
  dataDir: string,
  watch: Watch,
): Promise<Runtime> =>
  createRuntime({
    agents: [agent],
    dataDir,
    logger: watchingLogger(watch),
    secrets: (name) => secretOf(name.replace("KEY_OF ", "")),
    maxActiveSessions: 200,
    isolation: { maxThreads: 2 },
  });

export const playCanaries = async ({ sessions, dataDir, atOnce }: CanaryOptions): Promise<CanaryReport> => {
  const watch = new Watch();
  const agent = watchedAgent(watch);
  await using runtime = await openWatched(agent, dataDir, watch);
  const ids = new Map<string, string>();
  const playOne = async (session: number): Promise<void> => {
    const own = wordOf(session);
    const about = { tenant: `tenant ${own}`, user: `user ${own}`, attributes: { own } };
    const made = await runtime.createSession(agent, about);
    watch.words.set(made.id, own);
    ids.set(made.id, own);
    const runs = await Promise.all(
      Array.from({ length: RUNS }, (_, run) => made.send(`${own}, time ${run}`)),
    );
    for (const run of runs) {
      const outcome = await run.outcome();
      watch.look("outcome", own, outcome);
      if (outcome.status === "completed") continue;
      // What comes after one that waits would wait for ever.
      watch.mixed.push(`${own} came to ${outcome.status}`);
      return;
    }
  };
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < sessions) await playOne(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  for (const [id, own] of ids) await searchSession(runtime, watch, { id, own });
  await searchFiles(dataDir, watch);
  return { sessions: ids.size, searched: watch.searched, mixed: watch.mixed };
};

const searchSession = async (
  runtime: Runtime,
  watch: Watch,
  { id, own }: { readonly id: string; readonly own: string },
): Promise<void> => {
  for (const { header, payload } of await runtime.store.read(id, 0, { limit: 1_000 })) {
    watch.look("journal", own, [
      Buffer.from(header).toString(),
      payload === null ? "" : Buffer.from(payload).toString(),
    ]);
  }
  const loaded = await runtime.store.load(id);
  watch.look("snapshot", own, [loaded?.owner, loaded?.snapshot?.state, loaded?.signals]);
};

const searchFiles = async (dataDir: string, watch: Watch): Promise<void> => {
  const root = join(dataDir, "workspaces");
  for (const folder of await readdir(root)) {
    const own = watch.words.get(folder) ?? "nobody";
    for (const file of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (file.isFile())
        watch.look("workspace", own, await readFile(join(file.parentPath, file.name), "utf8"));
    }
  }
};
