import { HoldfastError, ToolError } from "../../core/errors.ts";
import type { CallId, Position, SessionId } from "../../core/ids.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ToolContext, Verification } from "../../ports/tool.ts";
import type { Chaos, FaultKind } from "./chaos.ts";
import type { Activity, EffectEntry, LateReturn, Moment } from "./checker/history.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { SECRET_NAME, withSecrets, wordsWith } from "./simulated-secret.ts";
import { FILES, type ToolResult } from "./tool-result.ts";

/** What a simulated tool has to know of where it runs. */
export type WorldDeps = { readonly world: World; readonly process: SimulatedProcess };

type Attempt = {
  readonly tool: string;
  readonly input: unknown;
  readonly context: ToolContext<WorldDeps>;
  readonly effect: ToolEffect;
  readonly timeoutMs: number;
};

/** How one attempt will go. */
type Course = FaultKind | "well";

/** The longest a request is on its way; shorter than the grace that a verification leaves it. */
const LONGEST_WAY_MS = 900;

type Underway = { -readonly [Key in keyof Activity]: Activity[Key] } & {
  readonly process: SimulatedProcess;
  readonly begunMs: number;
};

/** What is known of each session: its last durable event, and who wrote last. */
export type Places = {
  readonly durable: ReadonlyMap<SessionId, Position>;
  readonly holders: ReadonlyMap<SessionId, string>;
};

/** What lies outside the processes: services that really do things, and keep their own log of it. */
export class World {
  readonly log: EffectEntry[] = [];
  readonly activities: Underway[] = [];
  readonly checks: Underway[] = [];
  readonly lateReturns: LateReturn[] = [];
  readonly #places: Places;
  readonly #clock: Clock;
  readonly #chaos: Chaos;
  readonly #done = new Set<string>();
  #order = 0;

  constructor(clock: Clock, chaos: Chaos, places: Places) {
    this.#clock = clock;
    this.#chaos = chaos;
    this.#places = places;
  }

  /** Whether a tool is at work or a request under way. */
  get isBusy(): boolean {
    return this.activities.some((activity) => activity.until === null);
  }

  /** Now, and after everything that has happened. */
  moment(): Moment {
    this.#order += 1;
    return { order: this.#order, ms: this.#clock.monotonicMs() };
  }

  hasDone(sessionId: SessionId, callId: CallId): boolean {
    return this.log.some(
      (entry) => entry.kind === "executed" && entry.sessionId === sessionId && entry.callId === callId,
    );
  }

  processDied(process: SimulatedProcess): void {
    for (const activity of [...this.activities, ...this.checks])
      if (activity.process === process) this.#ended(activity);
  }

  /** One attempt: some work here, a request to the service, and its answer. */
  async execute(attempt: Attempt): Promise<unknown> {
    const { context } = attempt;
    const { process } = context.deps;
    // A process that is stopped here is stopped right after it entered; one that is dead never did.
    if (process.isDead) await process.awake();
    const { id: _, ...client } = context.session;
    this.#note("entered", attempt, { input: attempt.input, client: JSON.stringify(client) });
    const activity = this.#begin(attempt, this.activities);
    const course = this.#course(attempt);
    const expires = this.#clock.monotonicMs() + attempt.timeoutMs;
    this.#talk(context);
    try {
      await process.sleep(this.#chaos.random.between(0, 400));
      if (course === "tool-throws-before") throw this.#thrown(attempt, "The service was not reached.");
      if (course === "tool-refuses") throw this.#refusal(attempt);
      if (course === "tool-hangs" && this.#chaos.random.chance(0.5)) return await this.#hang(context);
      await this.#request(attempt, expires);
      if (course === "tool-hangs") return await this.#hang(context);
      if (course === "tool-slow")
        await process.sleep((attempt.timeoutMs * this.#chaos.random.between(10, 90)) / 100);
      if (course === "tool-throws-after") throw this.#thrown(attempt, "The answer was lost.");
      if (course === "tool-late")
        await process.sleep(attempt.timeoutMs + this.#chaos.random.between(1, 5_000));
      this.#note("returned", attempt);
      if (activity.until !== null) this.#noteLate(activity);
      return this.#result(attempt);
    } finally {
      this.#ended(activity);
    }
  }

  /** Says now and then how far it has come, and minds no secrets. */
  #talk({ progress, log, secret }: ToolContext<WorldDeps>): void {
    const { random } = this.#chaos;
    if (!random.chance(0.2)) return;
    const words = wordsWith(secret(SECRET_NAME), random);
    if (random.chance(0.5)) progress(words);
    else log.info(words, { words: [words] });
  }

  #result({ context, effect }: Attempt): ToolResult {
    const { random } = this.#chaos;
    const files = effect === "read" ? { files: random.pick(FILES) } : {};
    const { callId, attempt } = context;
    return { done: callId, attempt, ...files, ...withSecrets((name) => context.secret(name), random) };
  }

  #thrown(attempt: Attempt, what: string): HoldfastError {
    this.#note("threw", attempt);
    const secret = attempt.context.secret(SECRET_NAME);
    return new HoldfastError("TOOL_FAILED", `${what} ${wordsWith(secret, this.#chaos.random)}`);
  }

  #refusal(attempt: Attempt): ToolError {
    const { random } = this.#chaos;
    const retryAfterMs = random.pick([0, 0, 0, 0, 900, 900, 3_000, 3_000, 20_000, 172_800_000]);
    this.#note("refused", attempt, { retryAfterMs });
    const retryable = random.chance(0.8);
    return new ToolError("The service refused.", { executed: false, retryable, retryAfterMs });
  }

  /** Looks into the service's own books. */
  async verify(attempt: Attempt): Promise<Verification> {
    const { context } = attempt;
    const { process } = context.deps;
    if (process.isDead) await process.awake();
    this.#note("asked", attempt);
    const activity = this.#begin(attempt, this.checks);
    try {
      return await this.#look(attempt);
    } finally {
      this.#ended(activity);
    }
  }

  async #look(attempt: Attempt): Promise<Verification> {
    const { context } = attempt;
    await context.deps.process.awake();
    await context.deps.process.sleep(this.#chaos.random.between(0, 200));
    if (this.#chaos.strikes("verify-fails", 0.1)) {
      this.#chaos.struck("verify-fails", context.session.id);
      if (this.#chaos.random.chance(0.2)) return await this.#hang(context);
      if (this.#chaos.random.chance(0.3)) return this.#closedBooks(context);
      throw new HoldfastError("TOOL_FAILED", "The books could not be read.");
    }
    this.#note("verified", attempt);
    return this.#done.has(context.idempotencyKey)
      ? { status: "done", output: { done: context.callId, attempt: context.attempt } }
      : { status: "not-done" };
  }

  #closedBooks({ secret }: ToolContext<WorldDeps>): Verification {
    return { status: "unknown", evidence: wordsWith(secret(SECRET_NAME), this.#chaos.random) };
  }

  #course({ context, effect }: Attempt): Course {
    const kinds: readonly (readonly [FaultKind, number])[] = [
      ["tool-throws-before", 0.04],
      ["tool-throws-after", 0.04],
      ["tool-refuses", 0.03],
      ["tool-hangs", 0.03],
      ["tool-late", 0.03],
      ["tool-slow", 0.05],
    ];
    const found = kinds.find(([kind, rate]) =>
      this.#chaos.strikes(kind, effect === "write" ? rate * 1.5 : rate),
    );
    if (found === undefined) return "well";
    this.#chaos.struck(found[0], context.session.id);
    return found[0];
  }

  /** A request on its way is not stopped by the death of who sent it; one that is too old is not served. */
  #request(attempt: Attempt, expires: number): Promise<void> {
    const { process } = attempt.context.deps;
    if (this.#clock.monotonicMs() > expires) {
      this.#note("threw", attempt);
      throw new HoldfastError("TOOL_FAILED", "Too late to be sent.");
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.startTimer(this.#chaos.random.between(0, LONGEST_WAY_MS), () => {
      this.#note("executed", attempt);
      this.#done.add(attempt.context.idempotencyKey);
      resolve();
    });
    return promise.then(() => process.awake());
  }

  #hang({ signal }: ToolContext<WorldDeps>): Promise<never> {
    const stopsWhenTold = this.#chaos.random.chance(0.7);
    return new Promise((_, reject) => {
      const stop = (): void => reject(new HoldfastError("TOOL_FAILED", "Stopped."));
      if (stopsWhenTold) signal.addEventListener("abort", stop, { once: true });
    });
  }

  #begin({ tool, context }: Attempt, among: Underway[]): Underway {
    const { session, callId, attempt, signal, deps } = context;
    const { process } = deps;
    const activity: Underway = {
      tool,
      sessionId: session.id,
      callId,
      attempt,
      until: null,
      process,
      begunMs: process.ranMs(),
      by: process.name,
      began: this.moment(),
      ended: null,
    };
    among.push(activity);
    signal.addEventListener("abort", () => this.#ended(activity), { once: true });
    return activity;
  }

  #ended(activity: Underway): void {
    if (activity.until !== null) return;
    activity.until = this.#clock.now();
    activity.ended = this.moment();
    activity.untilDurable = this.#places.durable.get(activity.sessionId) ?? 0;
    activity.ranMs = activity.process.ranMs() - activity.begunMs;
  }

  #noteLate({ sessionId, callId, attempt, process }: Underway): void {
    const sinceMs = this.#clock.monotonicMs();
    this.lateReturns.push({ sessionId, callId, attempt, by: process.name, sinceMs });
  }

  #note(
    kind: EffectEntry["kind"],
    { context, effect }: Attempt,
    more: Pick<EffectEntry, "input" | "client" | "retryAfterMs"> = {},
  ): void {
    const { callId, attempt, idempotencyKey } = context;
    const sessionId = context.session.id;
    const durable = this.#places.durable.get(sessionId) ?? 0;
    this.log.push({
      kind,
      sessionId,
      callId,
      attempt,
      effect,
      idempotencyKey,
      at: this.#clock.now(),
      durable,
      by: context.deps.process.name,
      holder: this.#places.holders.get(sessionId) ?? null,
      ...more,
    });
  }
}
