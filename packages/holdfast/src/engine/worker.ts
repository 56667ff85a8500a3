import { EVENT_VERSION } from "../core/event.ts";
import { FairQueue, type LaneWeights } from "../core/fair-queue.ts";
import { HoldfastError } from "../core/errors.ts";
import { toFailure } from "../core/failure.ts";
import type { RunId, SessionId } from "../core/ids.ts";
import type { Timer } from "../ports/clock.ts";
import type { Duty } from "../ports/duty.ts";
import type { DueSession, Signal } from "../ports/journal-store.ts";
import { ActiveSession } from "./active-session.ts";
import { advanceSession } from "./advance-session.ts";
import { ChildRound } from "./child-round.ts";
import { DeliveryRound } from "./delivery-round.ts";
import { DutyRound } from "./duty-round.ts";
import { MemoryUpkeep } from "./memory-upkeep.ts";
import { loadSession } from "./open-session.ts";
import { ScheduleClock } from "./schedule-clock.ts";
import type { EngineServices } from "./services.ts";
import { WaitingForDefinitions } from "./waiting-for-definitions.ts";

export type WorkerOptions = {
  /** Sessions advanced at the same time. */
  readonly maxActiveSessions: number;
  /** Turns in a row that a tenant has. */
  readonly weightOf: LaneWeights;
};

/** A session that could not be opened is left alone for this long. */
const BROKEN_PAUSE_MS = 30_000;
/** The same where only the store did not answer. */
const UNAVAILABLE_PAUSE_MS = 1_000;
/** How often the store is asked for work that nobody announced: another process may have died. */
const POLL_MS = 1_000;
const DUE_BATCH = 256;
/** How often runs are looked for that wait for a definition. */
const WAITING_EVERY_MS = 15_000;

/** A session that was left alone, and when it is taken up again. */
type Rest = { readonly until: number; readonly tenant: string | null };

/**
 * Advances sessions, so many at a time. Tenants take turns, and within a tenant it is first come, first served; a session with
 * more to do goes to the back after each run: none starves another (S1).
 */
export class Worker {
  readonly #services: EngineServices;
  readonly #options: WorkerOptions;
  readonly #waiting: WaitingForDefinitions;
  readonly #duties: DutyRound;
  readonly #deliveries: DeliveryRound;
  readonly #children: ChildRound;
  readonly #upkeep: MemoryUpkeep;
  readonly #active = new Map<SessionId, ActiveSession>();
  /** Sessions being loaded, with what was posted to them meanwhile: the load may not have seen it. */
  readonly #opening = new Map<SessionId, Signal[]>();
  readonly #queue: FairQueue<SessionId>;
  readonly #brokenUntil = new Map<SessionId, Rest>();
  readonly #idle = new Set<() => void>();
  /** Sessions being loaded while another process changed something: to be looked at again. */
  readonly #stale = new Set<SessionId>();
  #timers: Timer[] = [];
  #wakeTimer: Timer | null = null;
  #stopWatching: () => void = () => undefined;
  #state: "new" | "running" | "draining" | "stopped" = "new";
  #isPolling = false;
  /** The store had as many due as were asked for: there may be more behind them. */
  #isMoreDue = false;

  constructor(services: EngineServices, options: WorkerOptions) {
    this.#services = services;
    this.#options = options;
    this.#queue = new FairQueue(options.weightOf);
    this.#waiting = new WaitingForDefinitions(services);
    this.#children = new ChildRound(services, (session) => this.lookAgain(session));
    const upkeep = new MemoryUpkeep(services);
    this.#upkeep = upkeep;
    const schedules = new ScheduleClock(services, (session) => this.lookAgain(session));
    const work = {
      assignees: () => [
        ...schedules.assignees,
        ...this.#deliveries.assignees,
        ...this.#children.assignees,
        ...upkeep.assignees,
      ],
      perform: (duty: Duty) =>
        ({
          schedule: () => schedules.run(duty),
          delivery: () => this.#deliveries.perform(duty),
          child: () => this.#children.run(duty),
          upkeep: () => upkeep.run(duty),
          // Kept to be known, and never owed at any time.
          circuit: async () => true,
        })[duty.kind](),
    };
    this.#deliveries = new DeliveryRound(services);
    this.#duties = new DutyRound(services, work, () => this.#dutyDone());
  }

  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#stopWatching = this.#services.store.onChange((sessions) => this.#changed(sessions));
    this.#every(POLL_MS, () => this.#poll());
    // guard J2: leases are renewed
    this.#every(this.#services.leaseMs / 3, () => this.#renew());
    this.#every(WAITING_EVERY_MS, async () => {
      await Promise.all([this.#lookForWaiting(), this.#lookAtCircuits()]);
    });
    void this.#poll();
    void this.#lookForWaiting();
    void this.#lookAtCircuits();
    void this.#beginUpkeep();
  }

  async #beginUpkeep(): Promise<void> {
    await this.#upkeep
      .begin()
      .catch((thrown: unknown) => this.#warn("The memory is not swept: the store did not answer.", thrown));
  }

  /** Something was posted for the session in this process. */
  deliver({ sessionId, tenant }: DueSession, signal: Signal): void {
    const opening = this.#opening.get(sessionId);
    if (opening !== undefined) opening.push(signal);
    else if (this.#active.has(sessionId)) this.#active.get(sessionId)?.deliver(signal, null);
    else this.wake(sessionId, tenant);
  }

  /** Something may have been posted for the session that this process was not told of. */
  lookAgain({ sessionId, tenant }: DueSession): void {
    if (this.#opening.has(sessionId)) this.#stale.add(sessionId);
    else if (!this.#refresh(sessionId)) this.wake(sessionId, tenant);
  }

  /** The session may be owed something. Idempotent. */
  wake(sessionId: SessionId, tenant: string | null): void {
    if (
      this.#state !== "running" ||
      /* guard J2: a session in work is not opened again */ this.#active.has(sessionId)
    )
      return;
    this.#queue.add(sessionId, tenant);
    this.#fill();
  }

  /** Takes no new work, lets what is in flight finish for a while, then lets go. Answers whether all finished. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (this.#state === "stopped") return true;
    this.#state = "draining";
    this.#queue.clear();
    this.#duties.close();
    this.#deliveries.close();
    for (const session of this.#active.values()) {
      session.isDraining = true;
      session.latch.set();
    }
    const isDone = await this.#untilIdle(timeoutMs);
    this.#stop();
    return isDone;
  }

  get activeSessions(): number {
    return this.#active.size;
  }

  #stop(): void {
    this.#state = "stopped";
    this.#stopWatching();
    for (const timer of this.#timers) timer.stop();
    this.#timers = [];
    this.#wakeTimer?.stop();
    this.#deliveries.stop();
    // Whatever is still open stays as it was started: its outcome is unknown, and is never repeated (E2).
    for (const session of this.#active.values()) session.abandon();
  }

  #untilIdle(timeoutMs: number): Promise<boolean> {
    if (this.#isIdle) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.#services.clock.startTimer(timeoutMs, () => finish(false));
      const finish = (isDone: boolean): void => {
        timer.stop();
        this.#idle.delete(onIdle);
        resolve(isDone);
      };
      const onIdle = (): void => finish(true);
      this.#idle.add(onIdle);
    });
  }

  #fill(): void {
    while (this.#active.size + this.#opening.size < this.#options.maxActiveSessions) {
      const next = this.#queue.next();
      if (next === undefined) return;
      const { item: sessionId, lane: tenant } = next;
      // guard J2: a session is opened once
      if (this.#active.has(sessionId) || this.#opening.has(sessionId)) continue;
      void this.#advance({ sessionId, tenant });
    }
  }

  async #advance({ sessionId, tenant }: DueSession): Promise<void> {
    this.#opening.set(sessionId, []);
    let session: ActiveSession | null = null;
    try {
      session = await this.#open(sessionId);
      if (session === null) return;
      this.#active.set(sessionId, session);
      // guard J6: what is posted during opening is heard
      for (const signal of this.#opening.get(sessionId) ?? []) session.deliver(signal, null);
      this.#opening.delete(sessionId);
      // guard J6: what changed during opening is looked at
      session.needsRefresh ||= this.#stale.has(sessionId);
      this.#services.feed.mended(sessionId);
      session.isDraining = this.#state !== "running";
      let first: RunId | null = null;
      await advanceSession(session, {
        mayStartRun: (runId) => {
          // One whose commit was refused is begun again, however many wait: what was found out of it goes with us.
          first ??= runId;
          return first === runId || this.#queue.size === 0;
        },
        onDuties: () => this.#lookAtErrands(),
      });
    } catch (thrown) {
      // guard S1: a broken session is let go
      session?.abandon();
      this.#broke({ sessionId, tenant }, thrown);
    } finally {
      this.#opening.delete(sessionId);
      this.#stale.delete(sessionId);
      this.#left(sessionId, session);
    }
  }

  async #open(sessionId: SessionId): Promise<ActiveSession | null> {
    const loaded = await loadSession(this.#services, sessionId);
    if (loaded === undefined) return null;
    const agent = this.#services.agents.get(loaded.owner.agent);
    if (agent === undefined) return null;
    // guard S6: a session of a newer version is left to others
    if (loaded.minReader > EVENT_VERSION) return this.#leaveToNewer(sessionId, loaded.minReader);
    const { lease } = loaded;
    const isTaken =
      lease !== null &&
      lease.holder !== this.#services.holder &&
      /* guard J2: the sessions of the dead are free */ !lease.isHolderDead &&
      /* guard J2: a lease that has run out is free */ lease.expiresAt > loaded.now;
    if (isTaken) this.#waiting.forget(sessionId);
    // guard J2: a session that another works is left to it
    if (isTaken) return null;
    const session = new ActiveSession(this.#services, { agent, loaded, id: sessionId });
    // guard S6: a session is not gone on with by another agent than its own
    if (!this.#services.agents.has(session.state.agent)) throw handedOn(sessionId, session.state.agent);
    return session;
  }

  /** A newer version has written in it: one of its workers goes on with it, this one cannot read it (S6, C16). */
  #leaveToNewer(sessionId: SessionId, minReader: number): null {
    this.#services.logger.info(
      `Session ${sessionId} is left to a newer version of Holdfast, which has written in it.`,
      { sessionId, minReader, version: EVENT_VERSION },
    );
    return null;
  }

  #left(sessionId: SessionId, session: ActiveSession | null): void {
    if (session !== null && this.#active.get(sessionId) === session) this.#active.delete(sessionId);
    if (session?.isLost === true) this.#waiting.forget(sessionId);
    const goesOn = session !== null && !session.isLost && hasMore(session);
    // guard J6: what came in at the last moment is read
    if (goesOn) this.wake(sessionId, session.tenant);
    // guard S3: a session at rest holds nothing open
    if (!goesOn) void this.#services.resources.rest(sessionId);
    this.#fill();
    if (this.#isMoreDue && this.#queue.size === 0) void this.#poll();
    this.#tellIdle();
    // What was settled or suspended may have to be told.
    if (this.#services.recipients.size > 0) void this.#poll();
  }

  get #isIdle(): boolean {
    return this.#active.size + this.#opening.size === 0 && this.#duties.isIdle;
  }

  #tellIdle(): void {
    if (!this.#isIdle) return;
    for (const onIdle of this.#idle) onIdle();
  }

  /** The next one may be due, or come sooner than the next round. */
  #dutyDone(): void {
    this.#tellIdle();
    void this.#poll();
  }

  /** Something is owed at a time that this process has not looked at (C18). */
  lookAtDuties(): void {
    void this.#poll();
  }

  /** What is owed to a child, or by one, is done at once; what tells people can wait for the next look. */
  #lookAtErrands(): void {
    if (this.#children.assignees.length === 0 || this.#state !== "running") return;
    this.#duties
      .look()
      .catch((thrown: unknown) => this.#warn("The store could not be asked for what is owed.", thrown));
  }

  /** One broken session must not disturb the others (S1): say so, leave it, go on. */
  #broke({ sessionId, tenant }: DueSession, thrown: unknown): void {
    const { clock, logger, feed } = this.#services;
    const failure = toFailure(thrown);
    const pauseMs = failure.retryable ? UNAVAILABLE_PAUSE_MS : BROKEN_PAUSE_MS;
    this.#brokenUntil.set(sessionId, {
      until: clock.monotonicMs() + pauseMs,
      tenant,
    });
    if (this.#state === "stopped") return;
    logger.error(`Session ${sessionId} cannot go on: ${failure.message}`, { sessionId, failure });
    // A store that is away for a moment is no reason to stop waiting: the session is tried again.
    if (!failure.retryable) feed.broke(sessionId, failure);
  }

  /** Sessions that were left alone long enough: `due` does not name them while their lease is ours. */
  #wakeRested(): void {
    const now = this.#services.clock.monotonicMs();
    for (const [sessionId, { until, tenant }] of this.#brokenUntil) {
      // guard S1: a broken session is left alone for a while
      if (until > now) continue;
      this.#brokenUntil.delete(sessionId);
      this.wake(sessionId, tenant);
    }
  }

  /** Has a session in work look at what the store has now; false when it is not in work. */
  #refresh(sessionId: SessionId): boolean {
    const session = this.#active.get(sessionId);
    if (session === undefined) return false;
    // guard J6: what another process posted is looked at
    session.needsRefresh = true;
    session.latch.set();
    return true;
  }

  #changed(sessions: readonly SessionId[] | "unknown"): void {
    const touched = sessions === "unknown" ? this.#active.keys() : sessions;
    for (const sessionId of touched) this.#refresh(sessionId);
    // guard J6: what is posted to a session being opened is not missed
    for (const sessionId of this.#opening.keys()) this.#stale.add(sessionId);
    const watched = sessions === "unknown" ? this.#services.feed.watched() : sessions;
    // guard S5: what another process stored is published
    for (const sessionId of watched) this.#services.feed.publish(sessionId, { kind: "look" });
    void this.#poll();
  }

  /** Asks for sessions that are due and that nobody alive holds: also those of a process that died. */
  async #poll(): Promise<void> {
    if (this.#isPolling || this.#state !== "running") return;
    this.#isPolling = true;
    this.#wakeRested();
    try {
      const agents = [...this.#services.agents.keys()];
      const due = await this.#services.store.due({ agents, limit: DUE_BATCH });
      this.#isMoreDue = due.length >= DUE_BATCH;
      for (const { sessionId, tenant } of due) {
        // guard S1: a broken session is not taken up at once
        if (!this.#brokenUntil.has(sessionId)) this.wake(sessionId, tenant);
      }
      await this.#lookAgainAtNextWake(agents);
    } catch (thrown) {
      this.#warn("The store could not be asked for due sessions.", thrown);
    } finally {
      this.#isPolling = false;
    }
  }

  /** Wakes on time, where the next wake comes before the next round. */
  async #lookAgainAtNextWake(agents: readonly string[]): Promise<void> {
    const { store, clock } = this.#services;
    const next = await store.nextWake(agents, this.#duties.assignees);
    const now = clock.now();
    this.#wakeTimer?.stop();
    this.#wakeTimer = null;
    const delays = [next.session, next.duty].flatMap((at) => (at === null || at <= now ? [] : [at - now]));
    const delayMs = Math.min(...delays);
    if (delayMs < POLL_MS && this.#state === "running")
      this.#wakeTimer = clock.startTimer(delayMs, () => void this.#poll());
    if (next.duty !== null && next.duty <= now) await this.#duties.look();
  }

  async #renew(): Promise<void> {
    const leases = [...this.#active.values()].flatMap(({ id, lease }) =>
      lease.epoch === null ? [] : [{ sessionId: id, epoch: lease.epoch }],
    );
    if (leases.length === 0) return;
    const askedAt = this.#services.clock.monotonicMs();
    try {
      const lost = new Set(await this.#services.store.renew(this.#services.holder, leases));
      for (const { sessionId, epoch } of leases) {
        const session = this.#active.get(sessionId);
        if (session?.lease.epoch !== epoch) continue;
        // guard J2: a session whose lease is lost is let go
        if (lost.has(sessionId)) session.abandon();
        else session.lease.held(epoch, askedAt);
      }
    } catch (thrown) {
      this.#warn("Leases could not be renewed; nothing new starts until they are.", thrown);
    }
  }

  async #lookForWaiting(): Promise<void> {
    if (this.#state !== "running") return;
    try {
      // guard S6: what waits for a definition is looked at where it may be known
      for (const { sessionId, tenant } of await this.#waiting.find()) {
        // One that is broken is taken up when it has rested.
        if (!this.#brokenUntil.has(sessionId)) this.wake(sessionId, tenant);
      }
    } catch (thrown) {
      this.#warn("Runs that wait for a definition could not be looked for.", thrown);
    }
  }

  /** What another process has found out about tools that fail is taken over (E7). */
  async #lookAtCircuits(): Promise<void> {
    if (this.#state !== "running") return;
    await this.#services.circuits
      .refreshUsed()
      .catch((thrown: unknown) => this.#warn("The store could not be asked what keeps failing.", thrown));
  }

  /** A store that was closed while it was being asked is no trouble: the worker has stopped. */
  #warn(what: string, thrown: unknown): void {
    if (this.#state !== "stopped") this.#services.logger.warn(what, { failure: toFailure(thrown) });
  }

  #every(periodMs: number, work: () => Promise<void>): void {
    const arm = (): void => {
      if (this.#state === "stopped") return;
      const timer = this.#services.clock.startTimer(periodMs, () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        arm();
        void work();
      });
      this.#timers.push(timer);
    };
    arm();
  }
}

const handedOn = (sessionId: SessionId, agent: string): HoldfastError =>
  new HoldfastError(
    "AGENT_NOT_FOUND",
    `Session ${sessionId} was handed over to agent "${agent}", which this process does not have.`,
    { hint: "Give that agent to createRuntime; until then it is left to processes that have it." },
  );

/** Something came in after the last look, or the next run can begin: behind a suspended one it waits (S3). */
const hasMore = ({ signals, state }: ActiveSession): boolean =>
  !isEmpty(signals) ||
  /* guard S4: what waits for its turn is begun */ (state.run === null &&
    state.queue.length > 0 &&
    !state.isPaused);

const isEmpty = (items: Iterable<unknown>): boolean => {
  for (const item of items) return item === undefined;
  return true;
};
