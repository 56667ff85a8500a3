/**
 * A process of its own that works a real runtime on a real store, so that its calls to the system can be
 * traced, and says what it was told: `workload.ts DATA_DIR WITNESS_FILE NAME PLAN`.
 */
import { openSync, readFileSync } from "node:fs";
import type { JournalStore } from "../../packages/holdfast/src/ports/journal-store.ts";
import { createRuntime, type Run, type Runtime } from "../../packages/holdfast/src/runtime/index.ts";
import { createSystemClock } from "../../packages/holdfast/src/runtime/system-clock.ts";
import { createSqliteStore } from "../../packages/holdfast/src/stores/index.ts";
import { createAgent } from "./agent.ts";
import { recordedStore } from "./recorded-store.ts";
import type { WorkloadPlan } from "./workload-plan.ts";
import { createSay, parseLines, type Say } from "./witness.ts";

type Place = {
  readonly name: string;
  readonly plan: WorkloadPlan;
  readonly runtime: Runtime;
  readonly store: JournalStore;
  readonly say: Say;
};

const settle = async (run: Run<string>, { plan }: Place): Promise<string> => {
  const outcome = await run.outcome({ signal: AbortSignal.timeout(plan.giveUpAfterMs) });
  return outcome.status;
};

/** The same bytes again in every process that is given the same plan. */
const fileBytes = (size: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  let value = seed + 1;
  for (let index = 0; index < size; index += 1) {
    value = (value * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[index] = value >>> 16;
  }
  return bytes;
};

const workSession = async (place: Place, index: number): Promise<string> => {
  const { name, plan, runtime, say } = place;
  const session = await runtime.createSession("clerk", {
    key: `${name}-${index}`,
    tenant: index % 2 === 0 ? "acme" : "umbrella",
    user: `user ${index}`,
  });
  let last = "none";
  for (let input = 0; input < plan.inputs; input += 1) {
    const key = `${name}-${index}-${input}`;
    const text = `${plan.turns} ${plan.argumentChars} [${key}]`;
    const size = plan.files[(index * plan.inputs + input) % Math.max(1, plan.files.length)] ?? 0;
    const file = { type: "file", mediaType: "application/pdf" } as const;
    const parts = [
      { type: "text", text } as const,
      ...(size > 0 ? [{ ...file, data: fileBytes(size, index * 100 + input) }] : []),
    ];
    const run = await session.send(parts, { idempotencyKey: key });
    say({ say: "accepted", sessionId: session.id, runId: run.id, key: `input:${key}`, says: `[${key}]` });
    last = await settle(run, place);
    if (plan.erase && input === 0 && index === 0) {
      const { position } = await session.snapshot();
      await place.store.erase(session.id, { upTo: position });
    }
  }
  if (plan.erase && index === plan.sessions - 1) await runtime.erase(session.id);
  return last;
};

const goOn = async ({ runtime, plan }: Place): Promise<string[]> => {
  const until = Date.now() + plan.giveUpAfterMs;
  for (;;) {
    const { sessions } = await runtime.listSessions({ limit: 200 });
    const open = sessions.filter(
      ({ status, unreadSignals }) => unreadSignals > 0 || status === "running" || status === "suspended",
    );
    if (open.length === 0 || Date.now() > until) return sessions.map(({ status }) => status);
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
};

const work = async (place: Place): Promise<string[]> => {
  if (place.plan.resumeOnly) return goOn(place);
  const indexes = Array.from({ length: place.plan.sessions }, (_, index) => index);
  // What fails is told as data: the others go on, and the judge decides from what was acknowledged.
  return Promise.all(
    indexes.map((index) =>
      workSession(place, index).catch((error: unknown) =>
        error instanceof Error && "code" in error ? `error ${String(error.code)}` : `error ${String(error)}`,
      ),
    ),
  );
};

const main = async (argv: readonly string[]): Promise<void> => {
  const [dataDir = "", witness = "", name = "", json = "{}"] = argv;
  const plan: WorkloadPlan = JSON.parse(json);
  const say = createSay(openSync(witness, "a"));
  const wasExecuted = (idempotencyKey: string): boolean =>
    parseLines(readFileSync(witness, "utf8")).some(
      (line) => line.say === "effect" && line.kind === "executed" && line.idempotencyKey === idempotencyKey,
    );
  const clock = createSystemClock();
  const plain = await createSqliteStore({ dataDir, clock, durability: plan.durability });
  const store = recordedStore(plain, { say, name, isRelaxed: plan.durability === "relaxed" });
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const options = { agents: [createAgent()], dataDir, store, clock, logger, deps: { say, wasExecuted } };
  const runtime = await createRuntime({ ...options, drainTimeoutMs: 1_000 });
  const results = await work({ name, plan, runtime, store, say });
  await runtime.close();
  say({ say: "end", how: results.join(", ") });
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  // A store that cannot be opened says so in a way that can be told from a defect.
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  process.stderr.write(`${code === "" ? "untyped" : code}: ${String(error)}\n`);
  process.exit(code.startsWith("STORE_") ? 3 : 4);
}
