/** The real thing: a runtime that works, another that only posts, one session in a store they share. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createRuntime,
  isHoldfastError,
  type Logger,
  type Pending,
  type Runtime,
  type Session,
} from "holdfast";
import type { JournalStore } from "holdfast/ports";
import { createSqliteStore } from "holdfast/stores";
import {
  createInMemoryStore,
  createManualClock,
  type InMemoryStore,
  type ManualClock,
} from "holdfast/testing";
import { agentOf, Outside } from "./agent.ts";
import { type Ears, earsOf } from "./ears.ts";
import { MAX_MODEL_ATTEMPTS, REQUESTER } from "./tools.ts";

/** Where the processes meet: each opens a store of its own on the same data. */
type Shared = {
  open(): Promise<JournalStore>;
  remove(): Promise<void>;
  /** Longest step of the clock: a real disk has to be waited for in between. */
  readonly tickMs: number;
};

const inMemory = (clock: ManualClock): Shared => {
  let first: InMemoryStore | null = createInMemoryStore({ clock });
  const data = first;
  return {
    open: async () => {
      const store = first ?? data.attach();
      first = null;
      return store;
    },
    remove: async () => undefined,
    tickMs: Number.POSITIVE_INFINITY,
  };
};

const onDisk = async (clock: ManualClock): Promise<Shared> => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-model-"));
  return {
    open: () => createSqliteStore({ dataDir, clock, durability: "relaxed" }),
    remove: () => rm(dataDir, { recursive: true, force: true }),
    tickMs: 5_000,
  };
};

const QUIET: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const LONG_MS = 2_000_000_000;
/** How often a worker looks by itself for what is due. */
const POLL_MS = 1_000;

type Process = { readonly runtime: Runtime; readonly ears: Ears; readonly store: JournalStore };

export class World {
  readonly clock: ManualClock;
  readonly outside = new Outside();
  readonly #shared: Shared;
  #worker: Process | null = null;
  #poster: Process | null = null;
  #session: Session | null = null;
  #posting: Session | null = null;
  #seen = 0;
  readonly #runs: string[] = [];
  readonly #calls = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  readonly #approvals = new Map<string, string>();
  readonly ends: string[] = [];

  constructor(clock: ManualClock, shared: Shared) {
    this.clock = clock;
    this.#shared = shared;
  }

  static async open(where: "memory" | "disk", seed: number): Promise<World> {
    const clock = createManualClock({ seed });
    const world = new World(clock, where === "memory" ? inMemory(clock) : await onDisk(clock));
    world.#worker = await world.#start(true);
    world.#poster = await world.#start(false);
    const made = await world.#worker.runtime.createSession("puppet", { user: REQUESTER });
    world.#session = made;
    world.#posting = await world.#poster.runtime.getSession(made.id);
    await world.rest();
    return world;
  }

  async #start(isWorker: boolean): Promise<Process> {
    const store = await this.#shared.open();
    const ears = earsOf(store);
    const runtime = await createRuntime({
      agents: [agentOf(this.outside)],
      dataDir: join(tmpdir(), "holdfast-model-unused"),
      clock: this.clock,
      store: ears.store,
      logger: QUIET,
      isWorker,
      modelTimeouts: { firstTokenMs: LONG_MS, gapMs: LONG_MS, totalMs: LONG_MS },
      modelRetry: { maxAttempts: MAX_MODEL_ATTEMPTS, initialDelayMs: 0, maxDelayMs: 0 },
    });
    return { runtime, ears, store };
  }

  /** Until nothing goes on by itself. */
  async rest(): Promise<void> {
    for (;;) {
      await this.clock.settle();
      const open = [this.#worker, this.#poster].flatMap((process) => [...(process?.ears.open ?? [])]);
      if (open.length === 0) return;
      await Promise.race(open.map((asked) => asked.catch(() => undefined)));
    }
  }

  /** What a caller is answered: "ok", or what `work` says, or the code of the refusal. */
  async ask(
    isQuiet: boolean,
    work: (session: Session, runtime: Runtime) => Promise<string | void>,
  ): Promise<string> {
    const session = isQuiet ? this.#posting : this.#session;
    const runtime = (isQuiet ? this.#poster : this.#worker)?.runtime;
    if (session === null || runtime === undefined) throw new TypeError("The world is not open.");
    const answer = await work(session, runtime).then(
      (said) => said ?? "ok",
      (thrown: unknown) => (isHoldfastError(thrown) ? thrown.code : Promise.reject(thrown)),
    );
    await this.rest();
    return answer;
  }

  async hear(): Promise<void> {
    this.#worker?.ears.hear();
    await this.rest();
  }

  /** Time passes; a real disk is waited for around the moments at which something is to happen. */
  async advance(ms: number, moments: readonly number[]): Promise<void> {
    const end = this.clock.now() + ms;
    const around = moments.flatMap((moment) => [moment - POLL_MS, moment]);
    while (this.clock.now() < end) {
      const now = this.clock.now();
      const stops = [end, now + this.#shared.tickMs, ...around].filter((stop) => stop > now);
      await this.clock.advance(Math.min(...stops) - now);
      await this.rest();
    }
  }

  /** The worker's process dies in this moment, and another takes its place. */
  async restart(): Promise<void> {
    this.#worker?.ears.kill();
    this.outside.forget();
    await this.#worker?.store.close();
    this.#worker = await this.#start(true);
    this.#session = await this.#worker.runtime.getSession(this.#session?.id ?? "");
    await this.rest();
  }

  async close(): Promise<void> {
    this.#worker?.ears.kill();
    this.outside.forget();
    await this.#worker?.store.close();
    await this.#poster?.runtime.close();
    await this.#shared.remove();
  }

  /** Names of runs, in the order in which they are heard of. */
  nameOf(runId: string): string {
    if (!this.#runs.includes(runId)) this.#runs.push(runId);
    return `r${this.#runs.indexOf(runId) + 1}`;
  }

  runId(name: string): string {
    return this.#runs[Number(name.slice(1)) - 1] ?? "run_never";
  }

  callId(n: number): string {
    return this.#calls.get(n) ?? "call_999999_0";
  }

  approvalId(n: number, ask: number): string {
    const never = `apr_${(this.#session?.id ?? "").slice("ses_".length)}_999999_0_1`;
    return this.#approvals.get(`${n} ${ask}`) ?? never;
  }

  /** All that an outsider can see, a line each. */
  async look(): Promise<readonly string[]> {
    const session = this.#posting;
    if (session === null) throw new TypeError("The world is not open.");
    await this.#readOn(session);
    const { status, isPaused, runId, waitingFor, queuedRuns, unreadSignals, openCalls } =
      await session.snapshot();
    const waits = waitingFor.map((wait) => this.#lineOfWait(wait));
    const pending = runId === null ? [] : (await session.pending()).map((one) => this.#lineOfPending(one));
    return [
      `status ${status}${isPaused ? " paused" : ""}`,
      `run ${runId === null ? "-" : this.nameOf(runId)}, queued ${queuedRuns.map((id) => this.nameOf(id)).join(" ")}`,
      `unread ${unreadSignals}`,
      ...waits.map((line) => `waits for ${line}`),
      ...openCalls.map(
        (call) =>
          `call ${this.#numbers.get(call.callId)} ${call.tool} ${call.status} attempt ${call.attempt}`,
      ),
      ...pending,
    ];
  }

  /** How a run ended, as whoever holds its handle is told; "open" where it has not. */
  async outcomeOf(name: string): Promise<string> {
    const run = this.#posting?.run(this.runId(name));
    let told = "open";
    const waiting = new AbortController();
    const { signal } = waiting;
    void run?.outcome({ until: "settled", signal }).then(
      (outcome) => {
        if (outcome.status === "failed") told = `failed ${outcome.failure.code}`;
        else if (outcome.status === "cancelled") told = this.#cancelled(outcome.unknownCalls);
        else told = outcome.status;
      },
      () => undefined,
    );
    await this.rest();
    waiting.abort();
    return told;
  }

  #cancelled(unknown: readonly string[]): string {
    const numbers = unknown.map((id) => this.#numbers.get(id) ?? 0);
    return ["cancelled", ...numbers.toSorted((left, right) => left - right)].join(" ");
  }

  async #readOn(session: Session): Promise<void> {
    for await (const event of session.history({ after: this.#seen })) {
      if (event.kind !== "event") continue;
      this.#seen = event.position;
      const { header } = event;
      if (header.type === "model-call.completed") this.#learnCalls(header.calls, event.payload);
      if (header.type === "run.completed") this.ends.push(`${this.nameOf(header.runId)} completed`);
      if (header.type === "run.failed") this.ends.push(`${this.nameOf(header.runId)} failed ${header.code}`);
      if (header.type === "run.cancelled")
        this.ends.push(`${this.nameOf(header.runId)} ${this.#cancelled(header.unknown)}`);
    }
  }

  #learnCalls(calls: readonly { readonly callId: string }[], payload: unknown): void {
    const numbers = [...JSON.stringify(payload).matchAll(/"input":\{[^}]*"n":(\d+)/g)];
    for (const [index, { callId }] of calls.entries()) {
      const n = Number(numbers[index]?.[1]);
      this.#calls.set(n, callId);
      this.#numbers.set(callId, n);
    }
  }

  #lineOfWait(wait: Awaited<ReturnType<Session["snapshot"]>>["waitingFor"][number]): string {
    const call = "callId" in wait ? ` ${this.#numbers.get(wait.callId)}` : "";
    const until = "until" in wait && wait.until !== null ? ` until ${wait.until}` : "";
    switch (wait.kind) {
      case "operator":
        return `operator ${wait.reason}`;
      case "approval":
        return `approval${call} ask ${wait.ask}${until}`;
      case "signal":
        return `signal${call} ${wait.key}${until}`;
      default:
        return `${wait.kind}${call}${until}`;
    }
  }

  #lineOfPending(one: Pending): string {
    const n = this.#numbers.get(one.callId) ?? Number.NaN;
    const edit =
      typeof one.input === "object" && one.input !== null && "edit" in one.input
        ? ` edit ${JSON.stringify(one.input["edit"])}`
        : "";
    switch (one.kind) {
      case "approval": {
        const ask = Number(one.approvalId.split("_").at(-1));
        this.#approvals.set(`${n} ${ask}`, one.approvalId);
        const who = one.approvers === null ? "anybody" : one.approvers.toSorted().join(" ");
        return `pending approval ${n}${edit} ask ${ask}: ${one.approvals} of ${one.quorum} by ${who} until ${one.expiresAt}`;
      }
      case "result":
        return `pending result ${n}${edit} until ${one.dueAt}`;
      case "resolution":
        return `pending resolution ${n}${edit} after ${one.attempts.length}`;
    }
  }
}
