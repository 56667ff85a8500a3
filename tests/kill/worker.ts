/**
 * The program that is killed: `node worker.ts ORDER.json`. It loads, says `loaded` and its process id, waits
 * for a byte on stdin, and only then opens the data directory, so that what is counted from there on is its work.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createRuntime,
  isHoldfastError,
  stderrLogger,
  type Input,
  type Logger,
  type Runtime,
  type Session,
} from "holdfast";
import { fingerprintOf, type Acknowledgement } from "./acknowledgement.ts";
import { AGENTS } from "./agents.ts";
import { chanceOf } from "./chance.ts";
import { EffectClient } from "./effect-client.ts";
import { Operator } from "./operator.ts";
import type { LifeOrder } from "./order.ts";

const VISIT_MS = 120;
const OPERATE_EVERY_MS = 150;

type Parts = {
  readonly order: LifeOrder;
  readonly runtime: Runtime;
  readonly client: EffectClient;
  readonly stop: AbortController;
};

class Life {
  readonly #order: LifeOrder;
  readonly #runtime: Runtime;
  readonly #operator: Operator;
  readonly #acknowledgements: number;
  readonly #watched = new Set<string>();
  readonly #heard: Promise<void>[] = [];
  readonly #stop: AbortController;

  constructor({ order, runtime, client, stop }: Parts) {
    this.#order = order;
    this.#runtime = runtime;
    this.#stop = stop;
    this.#acknowledgements = openSync(order.acknowledgementsTo, "a");
    this.#operator = new Operator(runtime, client, (told) => this.#acknowledge(told));
  }

  async live(): Promise<void> {
    const { mode, sessions } = this.#order;
    const open = sessions.map(async ({ key, agent }) => {
      const session = await this.#runtime.createSession(agent, { key });
      this.#acknowledge({ kind: "session", sessionId: session.id, key });
      this.#watch(session);
      const sent = await Promise.all(
        this.#order.again.filter((one) => one.session === key).map(({ says }) => this.#send(session, says)),
      );
      for (const runId of sent) this.#heard.push(this.#hearOutcome(session, runId));
      return { key, session };
    });
    // Whoever kills by the clock begins to count here: a slow machine is given time to get so far.
    void Promise.all(open).then(() => writeSync(1, "at work\n"));
    if (mode === "work") {
      void this.#operate();
      await Promise.all(open.map((one) => this.#keepSending(one)));
      return;
    }
    const opened = await Promise.all(open);
    if (mode === "visit") {
      for (const { key, session } of opened) await this.#send(session, this.#task(key, 0));
      await sleep(VISIT_MS);
    } else {
      await this.#finish();
      await Promise.all(this.#heard);
    }
    this.#stop.abort();
    await this.#runtime.close();
    closeSync(this.#acknowledgements);
  }

  /** Written, not merely queued, before anything else is done: a file keeps it when the process is gone. */
  #acknowledge(told: Acknowledgement): void {
    writeSync(this.#acknowledgements, `${JSON.stringify(told)}\n`);
  }

  #task(key: string, n: number): string {
    return `task ${key}/${this.#order.life}/${n};`;
  }

  async #keepSending(opening: Promise<{ readonly key: string; readonly session: Session }>): Promise<never> {
    const { key, session } = await opening;
    for (let n = 0; ; n += 1) {
      const says = this.#task(key, n);
      const runId = await this.#send(session, says);
      // Now and then the next input comes while this one is worked, and waits its turn.
      if (chanceOf(`${says}:hurry`) < 0.2) continue;
      await this.#hearOutcome(session, runId);
    }
  }

  async #hearOutcome(session: Session, runId: string): Promise<void> {
    const { signal } = this.#stop;
    try {
      const { status } = await session.run(runId).outcome({ until: "settled", signal });
      this.#acknowledge({ kind: "outcome", sessionId: session.id, runId, status });
    } catch (thrown) {
      // A visit is over before its runs are.
      if (!signal.aborted) throw thrown;
    }
  }

  async #send(session: Session, says: string): Promise<string> {
    const { id: runId } = await session.send(inputOf(says), { idempotencyKey: says });
    this.#acknowledge({ kind: "input", sessionId: session.id, key: says, runId, says });
    return runId;
  }

  /** Follows a session's events from where an earlier process had come to. */
  #watch(session: Session): void {
    if (this.#watched.has(session.id)) return;
    this.#watched.add(session.id);
    const follow = async (): Promise<void> => {
      const { signal } = this.#stop;
      for await (const event of session.events({ after: this.#order.seen[session.id] ?? 0, signal })) {
        if (event.kind !== "event") continue;
        const { position } = event;
        const fingerprint = fingerprintOf(event);
        this.#acknowledge({ kind: "event", sessionId: session.id, position, fingerprint });
      }
    };
    follow().catch((thrown: unknown) => {
      if (!this.#stop.signal.aborted) throw thrown;
    });
  }

  async #operate(): Promise<never> {
    for (;;) {
      await this.#operator.lookAround();
      await sleep(OPERATE_EVERY_MS);
    }
  }

  async #finish(): Promise<void> {
    for (;;) {
      const unsettled = await this.#operator.lookAround();
      if (unsettled === 0) return;
      await sleep(OPERATE_EVERY_MS);
    }
  }
}

/** One input in thirty brings a file that is too large to be kept in the database. */
const inputOf = (says: string): Input => {
  if (chanceOf(`${says}:file`) > 1 / 30) return says;
  const data = new Uint8Array(1_100_000).fill(says.length);
  return [
    { type: "text", text: says },
    { type: "file", data, mediaType: "application/octet-stream" },
  ];
};

/** What is written to stderr is held against the process, but for two things that are nobody's fault here. */
const loggerOf = (stop: AbortSignal): Logger => {
  const stderr = stderrLogger();
  return {
    ...stderr,
    warn: (message, fields) => {
      // Tracing every system call makes the process slow, and so does a busy machine.
      const isStall = fields?.["stalledMs"] !== undefined;
      // The result of an attempt that was over, and that came when the store was being closed.
      const isAfterTheEnd = stop.aborted && message.startsWith("A late result");
      if (!isStall && !isAfterTheEnd) stderr.warn(message, fields);
    },
  };
};

const main = async (): Promise<void> => {
  const order = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as LifeOrder;
  writeSync(1, `loaded ${process.pid}\n`);
  // Nothing else is to be done until then, so the whole process may wait.
  readSync(0, Buffer.alloc(1));
  const client = new EffectClient(order.port, order.folder);
  const stop = new AbortController();
  const runtime = await createRuntime({
    agents: AGENTS,
    dataDir: order.dataDir,
    deps: client,
    logger: loggerOf(stop.signal),
    modelRetry: { initialDelayMs: 20 },
  });
  await new Life({ order, runtime, client, stop }).live();
};

main().catch((thrown: unknown) => {
  const code = isHoldfastError(thrown) ? `${thrown.code} ` : "";
  process.stderr.write(`${code}${thrown instanceof Error ? (thrown.stack ?? thrown.message) : "?"}\n`);
  process.exit(1);
});
