import type { SessionId } from "../../core/ids.ts";
import type { JsonObject } from "../../core/json.ts";
import type { WhenActive } from "../../core/when-active.ts";
import type { Input, Session } from "../../runtime/index.ts";
import { cancelAgain, cancelAtOnce, resumeInVain } from "./meddlers.ts";
import { attributesLine, attributesOf } from "./simulated-attributes.ts";
import { AGENT } from "./simulated-agent.ts";
import { giveMore } from "./simulated-budget.ts";
import { stopAll } from "./odd-people.ts";
import type { Booted } from "./booted.ts";
import { inputOf, sentLine, weightOf } from "./simulated-files.ts";
import { tenantOf } from "./tenants.ts";
import type { Simulation } from "./simulation.ts";

/** One input that somebody wants worked, and tries again to hand in until it is acknowledged. */
type Task = {
  readonly sessionKey: string;
  readonly key: string;
  readonly says: string;
  readonly input: Input;
  /** What the application says of it. */
  readonly attributes: JsonObject | null;
  /** What the model is to heed in this run alone. */
  readonly settings: {
    readonly settings?: { readonly temperature: number };
    readonly whenActive?: WhenActive;
  };
  readonly dueAt: number;
  triedAt: number;
  isAcknowledged: boolean;
};

const TRY_AGAIN_MS = 7_000;
const userOf = (sessionKey: string): string => `user of ${sessionKey}`;

/** Until an input is acknowledged, and somebody has thought better of it. */
const NEWS_HELD_MS = 100;

/** Those who use the runtime: clients that send and cancel, and an operator who is asked. */
export class People {
  readonly #sim: Simulation;
  readonly #tasks: Task[] = [];
  readonly #sessions = new Map<string, SessionId>();

  constructor(sim: Simulation, most: number) {
    this.#sim = sim;
    const { random } = sim;
    const sessions = random.between(3, 4);
    for (let session = 1; session <= sessions; session += 1) {
      // One long conversation now and then, for what happens only to those: cuts of the window, snapshots.
      const inputs = session === 1 && random.chance(0.12) ? 14 : random.pick([1, 2, 3, 3, 4]);
      for (let input = 1; input <= inputs; input += 1) {
        const task = this.#task(session, input);
        if (session <= most) this.#tasks.push(task);
      }
    }
  }

  get sessions(): Iterable<SessionId> {
    return this.#sessions.values();
  }

  /** Each session with the key it was made with. */
  get keys(): Iterable<readonly [string, SessionId]> {
    return this.#sessions;
  }

  get isContent(): boolean {
    return this.#tasks.every((task) => task.isAcknowledged);
  }

  /** Hands in what is due; an answer that was not heard is asked for again, with the same key. */
  send(process: Booted): void {
    const now = this.#sim.clock.monotonicMs();
    for (const task of this.#tasks) {
      const isRepeat = task.isAcknowledged && this.#sim.chaos.strikes("delivered-twice", 0.02);
      const isDue = !task.isAcknowledged && task.dueAt <= now && task.triedAt + TRY_AGAIN_MS <= now;
      if (isDue || isRepeat) void this.#handIn(process, task).catch(() => undefined);
    }
  }

  /** Stops something that may be running. */
  async cancel(by: Booted): Promise<void> {
    const { random, ledger, chaos } = this.#sim;
    const one = random.any(ledger.acknowledged.filter((said) => "runId" in said));
    if (one === undefined) return;
    chaos.struck("cancel", one.sessionId);
    if (random.chance(0.2)) return stopAll(this.#sim, by, one.sessionId);
    const session = await by.runtime.getSession(one.sessionId);
    if (chaos.strikes("cancel-again", 0.2)) cancelAgain(this.#sim, one.sessionId, one.runId);
    await session.cancelRun(one.runId);
    this.#sim.stopped(by.process, one.sessionId, one.runId);
  }

  /** Stops what was last asked of a session, while something of it is being stored. */
  async cancelLast({ runtime, process }: Booted, sessionId: SessionId): Promise<void> {
    const { ledger, chaos } = this.#sim;
    const last = ledger.acknowledged.findLast((one) => one.kind === "input" && one.sessionId === sessionId);
    if (last?.kind !== "input") return;
    chaos.struck("cancel", sessionId);
    await (await runtime.getSession(sessionId)).cancelRun(last.runId);
    this.#sim.stopped(process, sessionId, last.runId);
  }

  /** Says in this very moment what was to be said next; or stops what was said last. */
  async interject(booted: Booted, sessionId: SessionId): Promise<void> {
    const now = this.#sim.clock.monotonicMs();
    const [key] = [...this.#sessions].find(([, id]) => id === sessionId) ?? [];
    const next = this.#tasks.find(
      (task) => task.sessionKey === key && !task.isAcknowledged && task.triedAt + TRY_AGAIN_MS <= now,
    );
    if (next !== undefined) await this.#handIn(booted, next, () => booted.runtime.getSession(sessionId));
    else if (this.#sim.random.chance(0.25)) await this.cancelLast(booted, sessionId);
  }

  /** Wants something of a session at once: hands in what would be next there, or what means nothing. */
  urge(by: Booted, sessionId: SessionId): void {
    const key = [...this.#sessions].find(([, id]) => id === sessionId)?.[0];
    const next = this.#tasks.find((task) => task.sessionKey === key && task.triedAt < 0);
    if (next === undefined) resumeInVain(this.#sim, by, sessionId);
    else void this.#handIn(by, next).catch(() => undefined);
  }

  /** Answers what a session asks an operator for. */
  async operate(by: Booted, sessionId: SessionId): Promise<void> {
    const key = [...this.#sessions].find(([, id]) => id === sessionId)?.[0];
    await this.#sim.approvers.decide(by, sessionId, userOf(key ?? ""));
    const { runtime } = by;
    if (!this.#sim.isSuspended(sessionId)) return;
    const session = await runtime.getSession(sessionId);
    const { status, waitingFor } = await session.snapshot();
    if (status !== "suspended") return;
    // Of several questions, now and then only one is answered for now.
    const some = this.#sim.random.chance(0.3) ? waitingFor.slice(-1) : waitingFor;
    for (const wait of some) {
      if (wait.kind === "budget" || wait.kind === "budget-period")
        await giveMore(this.#sim.budget, session, wait);
      if (wait.kind === "operator") await session.resume();
      if (wait.kind === "resolution") await this.#resolve(session, wait.callId);
    }
  }

  async #resolve(session: Session, callId: string): Promise<void> {
    const { world, random, chaos } = this.#sim;
    chaos.struck("operator-answer", session.id);
    if (world.hasDone(session.id, callId))
      await session.resolveCall(callId, { as: "completed", output: "looked" });
    else await session.resolveCall(callId, { as: random.pick(["retry", "failed"]) });
  }

  /** Goes on with every conversation, after a while. */
  comeBack(): void {
    const dueAt = this.#sim.clock.monotonicMs();
    for (const sessionKey of this.#sessions.keys()) {
      const says = `go on, ${sessionKey};`;
      const said = { key: says, says, input: says, attributes: attributesOf(this.#sim, says), settings: {} };
      this.#tasks.push({
        sessionKey,
        ...said,
        dueAt,
        triedAt: Number.NEGATIVE_INFINITY,
        isAcknowledged: false,
      });
    }
  }

  #task(session: number, place: number): Task {
    const says = `do ${session}.${place};`;
    const dueAt = this.#sim.random.between(0, 90_000);
    const triedAt = Number.NEGATIVE_INFINITY;
    const input = inputOf(says, this.#sim.random);
    const { random } = this.#sim;
    const own = random.chance(0.2) ? { settings: { temperature: random.between(1, 9) / 10 } } : {};
    const whenActive = this.#sim.interruptions.drawWhenActive();
    // What may join another run has no settings of its own.
    const settings = {
      ...(whenActive === "steer" ? {} : own),
      ...(whenActive === undefined ? {} : { whenActive }),
    };
    const isAcknowledged = false;
    const attributes = attributesOf(this.#sim, says);
    const said = { key: says, says, input, attributes, settings };
    return { sessionKey: `s${session}`, ...said, dueAt, triedAt, isAcknowledged };
  }

  async #handIn(booted: Booted, task: Task, open = () => this.#open(booted, task)): Promise<void> {
    const { key, says, input, attributes, settings } = task;
    const { clock, ledger, askers, chaos } = this.#sim;
    task.triedAt = clock.monotonicMs();
    const isRecalled = chaos.strikes("cancel-at-once", 0.015);
    if (isRecalled) this.#sim.holdNews(NEWS_HELD_MS);
    const session = await open();
    const promptAttributes = attributes ?? {};
    const run = await session.send(input, { idempotencyKey: key, promptAttributes, ...settings });
    const { id: runId, sessionId } = run;
    task.isAcknowledged = true;
    const line = attributesLine(attributes ?? undefined);
    const sent = { line: `${line}${sentLine(input)}`, chars: line.length + weightOf(input) };
    const told = { by: booted.process.name, at: clock.monotonicMs(), ...settings };
    ledger.acknowledged.push({ kind: "input", sessionId, key, runId, says, sent, ...told });
    askers.ask(booted, run);
    if (isRecalled) cancelAtOnce(this.#sim, sessionId, runId);
  }

  async #open({ runtime }: Booted, { sessionKey }: Task): Promise<Session> {
    const about = {
      user: userOf(sessionKey),
      attributes: { desk: sessionKey },
      ...tenantOf(this.#sim, sessionKey),
    };
    const session = await runtime.createSession(AGENT, { key: sessionKey, ...about });
    this.#sessions.set(sessionKey, session.id);
    return session;
  }
}
