import { isDeepStrictEqual } from "node:util";
import type { StoredEvent } from "../../core/hash-chain.ts";
import type { Position, RunId, SessionId } from "../../core/ids.ts";
import { createRuntime, sha256, type AgentDefinition } from "../../runtime/index.ts";
import type { Account, JournalStore, ListedSession, Snapshot } from "../../ports/journal-store.ts";
import type { Logger } from "../../ports/tool.ts";
import { createFaultyStore, type FaultyStore } from "../../testing/faulty-store.ts";
import { createManualClock, type ManualClock } from "../../testing/manual-clock.ts";
import { Approvers } from "./approvers.ts";
import { Archive, ARCHIVE } from "./archive.ts";
import { Askers } from "./askers.ts";
import { Audience } from "./audience.ts";
import type { Booted } from "./booted.ts";
import { Team, TEAM } from "./team.ts";
import { Calendar } from "./calendar.ts";
import { Chaos, type Mercy } from "./chaos.ts";
import { Coverage } from "./coverage.ts";
import { Interruptions } from "./interruptions.ts";
import { Ledger } from "./ledger.ts";
import { hindered } from "./hindered-store.ts";
import { passBy } from "./passers-by.ts";
import { asideOf, createRandom, type Random } from "./random.ts";
import {
  drawCallLimits,
  drawLimits,
  otherAgent,
  simulatedAgent,
  type AgentLimits,
} from "./simulated-agent.ts";
import { SimulatedMachine } from "./simulated-machine.ts";
import { drawBudget, pricesIn, type SimulatedBudget } from "./simulated-budget.ts";
import { MODEL_LIMITS } from "./simulated-model.ts";
import { SimulatedProcess, storeOf } from "./simulated-process.ts";
import { drawSummaries, type Summaries, WINDOW_WITH_SUMMARIES } from "./simulated-summariser.ts";
import { SECRETS } from "./simulated-secret.ts";
import { probeStore } from "./store-prober.ts";
import { type Caller, faultOf } from "./store-faults.ts";
import { simulatedLog } from "./simulated-log.ts";
import { Undos } from "./undos.ts";
import { witnessed, type Records } from "./witness.ts";
import { World, type WorldDeps } from "./world.ts";

const ALL = { limit: 100_000 };
const SETTLED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);
/** How long a process has to end what it does when it is to go. */
const DRAIN_MS = 10_000;

/** A disk is waited for twice, by who speaks. */
const LONGEST_WORD_MS = 100;

/** Sessions that there are at most, and room for all of them in most worlds. */
const MOST_SESSIONS = 4;
const FAR_MORE = [50, 50, 50, 50, 50, 50, 50, 50];

/** Fate has numbers of its own, far from those of any seed. */
const FATE = 0x4000_0000;

/** The whole of a simulated world: one store, one clock, some services, and processes that come and go. */
export class Simulation {
  readonly random: Random;
  readonly chaos: Chaos;
  readonly clock: ManualClock;
  readonly world: World;
  readonly coverage = new Coverage();
  readonly ledger = new Ledger();
  readonly audience: Audience;
  readonly askers: Askers;
  readonly interruptions: Interruptions;
  readonly calendar: Calendar;
  readonly team: Team;
  readonly archive: Archive;
  readonly approvers: Approvers;
  readonly undos: Undos;
  readonly #gone = new Set<string>();
  readonly trace: string[] = [];
  readonly alarms: string[] = [];
  readonly wrongSnapshots: { readonly sessionId: SessionId; readonly position: Position }[] = [];
  processes: readonly Booted[] = [];
  /** Called when something of a session is about to be stored, now and then. */
  onCommit: (booted: Booted, sessionId: SessionId) => void = () => undefined;
  /** Called when it would be awkward if somebody wanted something of a session. */
  onUrge: (booted: Booted, sessionId: SessionId) => void = () => undefined;
  /** Called when a session changes hands, now and then: somebody speaks in that moment. */
  onChange: (booted: Booted, sessionId: SessionId) => Promise<void> = async () => undefined;
  readonly #machine: SimulatedMachine;
  readonly budget: SimulatedBudget | null;
  readonly limits: AgentLimits;
  readonly #summaries: Summaries;
  /** How many sessions a process works at once; there are more in some worlds. */
  readonly #mostActive: number;
  readonly #views = new Map<SimulatedProcess, { view: JournalStore; faulty: FaultyStore }>();
  readonly #listeners: Listener[] = [];
  #born = 0;
  #passers = 0;
  #newsHeldUntilMs = Number.NEGATIVE_INFINITY;

  readonly mercy: Mercy;
  /** Chance of its own for a part of this world, by name. */
  readonly aside: (name: string) => Random;
  /** When a session was left to a later version. */
  leftAt = Number.POSITIVE_INFINITY;

  constructor(seed: number, mercy: Mercy) {
    this.mercy = mercy;
    this.random = createRandom(seed);
    this.aside = (name) => asideOf(seed, name);
    this.chaos = new Chaos(this.random, createRandom(seed + FATE), mercy);
    this.audience = new Audience(this.ledger, this.random);
    this.askers = new Askers(this.ledger, this.random);
    this.interruptions = new Interruptions(this.aside("interrupts"));
    this.undos = new Undos(this.aside("undo"));
    this.approvers = new Approvers(this.aside("approvals"), this.ledger);
    this.clock = createManualClock({ seed });
    this.calendar = new Calendar(this.aside("schedules"), this.clock.now());
    this.team = new Team(this.aside("children"));
    this.archive = new Archive(this.aside("memory"), {
      isWild: () => this.chaos.isOn,
      durableOf: (sessionId) => this.ledger.durableOf(sessionId),
    });
    this.#machine = new SimulatedMachine({
      clock: this.clock,
      sha256,
      wait: () => this.#barrier(),
      onStored: (change) => this.ledger.noteStored(change, this.clock.monotonicMs()),
    });
    this.budget = drawBudget(this.aside("budgets"));
    this.#summaries = drawSummaries(this.aside("summaries"));
    this.limits = {
      ...drawLimits(this.random),
      ...(this.#summaries === null ? {} : { maxWindowChars: WINDOW_WITH_SUMMARIES }),
      calls: drawCallLimits(this.aside("lines")),
    };
    this.#mostActive = this.random.pick([1, 2, ...FAR_MORE]);
    this.world = new World(this.clock, this.chaos, this.ledger);
  }

  say(line: string): void {
    this.trace.push(`${this.clock.monotonicMs()} ${line}`);
  }

  /** A new process over the same data; a complete one has every definition. */
  async boot(isComplete = false): Promise<void> {
    this.#born += 1;
    const process = new SimulatedProcess(`p${this.#born}`, this.clock);
    const view = this.#machine.attach();
    this.ledger.leases.introduce(view.holderId, process.name);
    const doomed = { process, view, kill: () => faulty.crashAfter(0) };
    const caller = this.#callerOf(doomed);
    const die = (): void => this.#die(doomed);
    const faulty: FaultyStore = createFaultyStore({
      store: witnessed(view, process.name, this.#records()),
      clock: process.clock,
      decide: (call) => faultOf(this.chaos, caller, call),
    });
    this.say(`boot ${process.name}`);
    const wasOn = this.chaos.isOn;
    this.chaos.isOn = false;
    const runtime = await createRuntime({
      store: storeOf(
        process,
        hindered(
          {
            process,
            chaos: this.chaos,
            ledger: this.ledger,
            isNewsHeld: () => this.clock.monotonicMs() < this.#newsHeldUntilMs,
            onSlow: (sessionId) => void this.#speakUp(sessionId, this.#named(process.name), 0.5),
          },
          faulty,
        ),
        (listener) => {
          this.#listeners.push(listener);
        },
      ),
      agents: [...this.#agentsOn(process, isComplete), ...this.archive.agentsOn(process, die)],
      ...this.archive.optionsOn(process, die),
      ...this.calendar.recipientsOn(process),
      clock: process.runtimeClock,
      deps: { world: this.world, process },
      logger: this.#logOf(process),
      drainTimeoutMs: DRAIN_MS,
      maxActiveSessions: this.#mostActive,
      modelTimeouts: MODEL_LIMITS,
      prices: pricesIn(this.budget),
      budgets: this.budget?.shared ?? [],
      modelRetry: { maxAttempts: 3 },
      secrets: SECRETS,
    });
    this.chaos.isOn = wasOn;
    this.#views.set(process, { view, faulty });
    this.ledger.births.push({ by: process.name, atMs: this.clock.monotonicMs() });
    this.processes = [...this.processes, { process, runtime, isComplete }];
  }

  #logOf(process: SimulatedProcess): Logger {
    return simulatedLog({
      process,
      chaos: this.chaos,
      ledger: this.ledger,
      say: (line) => this.say(line),
      alarm: (what) => void this.alarms.push(what),
      onTrouble: (sessionId) => {
        this.ledger.broken.push({ sessionId, by: process.name, atMs: this.clock.monotonicMs() });
        this.#urgeSoon(process, sessionId);
      },
    });
  }

  #records(): Records {
    return {
      chaos: this.chaos,
      coverage: this.coverage,
      ledger: this.ledger,
      keep: (sessionId, snapshot) => this.#lookAtSnapshot(sessionId, snapshot),
      now: () => this.clock.monotonicMs(),
      say: (line) => this.say(line),
      onLeaving: (sessionId, by) => this.#speakUp(sessionId, this.#named(by)),
      onLeft: (sessionId) => void this.#speakUp(sessionId, this.random.any(this.living)),
    };
  }

  #agentsOn(process: SimulatedProcess, isComplete: boolean): readonly AgentDefinition<unknown, WorldDeps>[] {
    const extra = [...this.calendar.agentsOn(process), ...this.team.agentsOn(process)];
    return [this.#agentOn(process, isComplete), otherAgent(process), ...extra];
  }

  #agentOn(process: SimulatedProcess, isComplete: boolean): ReturnType<typeof simulatedAgent> {
    const { chaos, ledger } = this;
    const limits = isComplete ? { ...this.limits, isRolling: false } : this.limits;
    return simulatedAgent(limits, {
      process,
      chaos,
      needsApproval: this.approvers.ruleOn(),
      undos: this.undos,
      summaries: this.#summaries,
      budget: this.budget,
      visit: (call) => ledger.visit(process.name, call),
      missFile: (file) => void ledger.wrongFiles.push(file),
      refuse: (sessionId, problem) => void ledger.refusedPrompts.push({ sessionId, problem }),
      note: (entry) => {
        const durable = ledger.durableOf(entry.sessionId);
        const { order } = this.world.moment();
        ledger.models.push({ ...entry, at: this.clock.now(), durable, by: process.name, order });
      },
    });
  }

  /** The process is gone in the middle of whatever it did. */
  crash({ process }: Booted): void {
    const known = this.#views.get(process);
    if (known === undefined) return;
    this.chaos.struck("crash", null);
    this.#die({ process, view: known.view, kill: () => known.faulty.crashAfter(0) });
  }

  /** The machine goes, with every process on it: only what the disk had synced is certain to be there after. */
  async losePower(): Promise<void> {
    this.chaos.struck("power-loss", null);
    this.say("power loss");
    for (const { process } of this.living) {
      process.die();
      this.#views.get(process)?.faulty.crashAfter(0);
      this.world.processDied(process);
    }
    this.#machine.losePower(this.random);
    const { store } = this.#machine;
    const { sessions } = await store.list({ limit: 1_000 });
    for (const { sessionId, position, status, waiting } of sessions) {
      // What was written and not answered may be there all the same.
      this.coverage.committed(
        sessionId,
        await store.read(sessionId, this.coverage.positionOf(sessionId), ALL),
        [],
      );
      this.ledger.durable.set(sessionId, position);
      this.ledger.summaries.set(sessionId, { status, waiting });
    }
  }

  /** The process takes no more work, ends what it can, and goes. */
  drain({ process, runtime }: Booted): void {
    this.chaos.struck("drain", null);
    this.say(`drain ${process.name}`);
    process.suffers("gone", Number.POSITIVE_INFINITY, DRAIN_MS);
    const gone = (): void => {
      process.die();
      this.world.processDied(process);
    };
    void runtime.close().then(gone, gone);
  }

  /** A disk takes its time, mostly little. */
  async #barrier(): Promise<void> {
    const ms = this.random.pick([0, 0, 1, 1, 2, 5, 40]);
    if (ms > 0) await new Promise<void>((resolve) => void this.clock.startTimer(ms, resolve));
  }

  get living(): readonly Booted[] {
    return this.processes.filter(({ process }) => !process.isDead);
  }

  /** A cancel has returned to who asked for it. */
  stopped({ name }: SimulatedProcess, sessionId: SessionId, runId: RunId): void {
    this.ledger.stops.push({ sessionId, runId, by: name, at: this.world.moment() });
  }

  /** For so long no process hears at once of what another did. */
  holdNews(ms: number): void {
    this.#newsHeldUntilMs = this.clock.monotonicMs() + ms;
  }

  /** Tells every process that these sessions may have changed. */
  announce(sessions: readonly SessionId[]): void {
    for (const listener of this.#listeners) listener(sessions);
  }

  /** Somebody who has no business there asks something of the store. */
  probe(): Promise<void> {
    this.chaos.struck("stray-client", null);
    return probeStore({
      attach: (version) => this.#machine.attach(version),
      random: this.random,
      sessions: [...this.ledger.durable.keys()],
      gone: this.#gone,
      hasTenants: this.aside("isolation").chance(1 / 3),
      note: (probe) => void this.ledger.probes.push(probe),
    });
  }

  /** Somebody takes a session without a word, as soon as it is free. */
  async takeSilently(sessionId: SessionId): Promise<void> {
    this.chaos.struck("silent-takeover", sessionId);
    this.#passers += 1;
    const name = `passer-by ${this.#passers}`;
    this.ledger.troubles.push({ by: name, kind: "gone", fromMs: 0, untilMs: Number.POSITIVE_INFINITY });
    await passBy(
      {
        name,
        store: this.#machine.attach(),
        clock: this.clock,
        random: this.random,
        ledger: this.ledger,
        say: (line) => this.say(line),
        mayGoOn: () => this.chaos.isOn,
        mourn: (...who) => this.mourn(...who),
      },
      sessionId,
    );
  }

  /** A stranger's way to the store. */
  attach(version?: number): JournalStore {
    return this.#machine.attach(version);
  }

  /** What is stored of a session, as no process could read it. */
  readStored(sessionId: SessionId): Promise<readonly StoredEvent[]> {
    return this.#machine.store.read(sessionId, 0, ALL);
  }

  /** Whether the session asks for somebody; looked up where it costs nothing. */
  isSuspended(sessionId: SessionId): boolean {
    return this.ledger.summaries.get(sessionId)?.status === "suspended";
  }

  /** Whether no run is being worked and nothing is under way in the world. */
  get isAtRest(): boolean {
    return !this.world.isBusy && this.ledger.summaries.values().every(({ status }) => status !== "running");
  }

  /** Whether every session has come to its end. */
  async isSettled(): Promise<boolean> {
    const sessions = await this.listStored();
    return sessions.every(({ status, unreadSignals }) => SETTLED.has(status) && unreadSignals === 0);
  }

  /** Agents that ask or read each other have sessions that no client knows; an operator looks after them too. */
  async sessionsOfAgents(): Promise<readonly SessionId[]> {
    if (!this.team.isOn && !this.archive.isOn) return [];
    const listed = await this.listStored();
    return listed
      .filter(({ agent }) => TEAM.has(agent) || ARCHIVE.has(agent))
      .map(({ sessionId }) => sessionId);
  }

  /** Whether nothing is owed outside of sessions. */
  async isQuiet(): Promise<boolean> {
    const { store } = this.#machine;
    if (!(await this.archive.isQuiet(store))) return false;
    return (await this.calendar.isQuiet(store)) && (!this.team.isOn || (await this.team.isQuiet(store)));
  }

  /** Every account as the store has it. */
  accounts(): Promise<readonly Account[]> {
    return this.#machine.store.accounts(ALL);
  }

  /** Every session as the store has it. */
  async listStored(): Promise<readonly ListedSession[]> {
    return (await this.#machine.store.list({ limit: 1_000 })).sessions;
  }

  /** Whether no process may work all sessions at once. */
  get isCrowded(): boolean {
    return this.#mostActive < MOST_SESSIONS;
  }

  #named(name: string): Booted | undefined {
    return this.living.find(({ process }) => process.name === name);
  }

  /** Somebody speaks, now and then; it is not waited for longer than that takes. */
  async #speakUp(sessionId: SessionId, booted: Booted | undefined, rate = 0.08): Promise<void> {
    if (booted === undefined || !this.chaos.strikes("spoken-to-at-once", rate)) return;
    this.chaos.struck("spoken-to-at-once", sessionId);
    this.say(`somebody speaks to ${booted.process.name} in ${sessionId}`);
    const isLate = new Promise<void>((resolve) => void this.clock.startTimer(LONGEST_WORD_MS, resolve));
    await Promise.race([this.onChange(booted, sessionId).catch(() => undefined), isLate]);
  }

  /** A snapshot is the fold of the journal up to its place, whoever folds it (J3). */
  #lookAtSnapshot(sessionId: SessionId, { position, state }: Snapshot): void {
    const folded = this.coverage.stateOf(sessionId);
    if (
      folded?.position === position &&
      !isDeepStrictEqual(JSON.parse(state), JSON.parse(JSON.stringify(folded)))
    )
      this.wrongSnapshots.push({ sessionId, position });
  }

  /** The store was told that a holder is gone. */
  mourn(by: string, holder: string): void {
    this.#gone.add(holder);
    this.ledger.deaths.push({ by, atMs: this.clock.monotonicMs() });
  }

  #die({ process, view, kill }: Doomed): void {
    this.say(`die ${process.name}`);
    process.die();
    kill();
    this.world.processDied(process);
    // The lock of a dead process is found free, once its last write is done; of a machine that is gone nothing is known.
    if (!this.random.chance(0.6)) return;
    this.clock.startTimer(this.random.between(0, 300), () => {
      void view.close().then(() => this.mourn(process.name, view.holderId));
    });
  }

  #callerOf(doomed: Doomed): Caller {
    const { process } = doomed;
    const urge = (sessionId: SessionId): void =>
      this.#withIt(process, (booted) => this.onUrge(booted, sessionId));
    return {
      process,
      urge,
      die: () => this.#die(doomed),
      interrupt: (sessionId) => this.#withIt(process, (booted) => this.onCommit(booted, sessionId)),
      say: (line) => this.say(line),
    };
  }

  #withIt(process: SimulatedProcess, act: (booted: Booted) => void): void {
    const booted = this.living.find((one) => one.process === process);
    if (booted !== undefined) act(booted);
  }

  /** Somebody wants something of a session that could not go on, before it is tried again. */
  #urgeSoon(process: SimulatedProcess, sessionId: SessionId): void {
    if (!this.chaos.isOn) return;
    this.clock.startTimer(this.random.pick([200, 1_000, 5_000]), () =>
      this.#withIt(process, (booted) => this.onUrge(booted, sessionId)),
    );
  }
}

type Listener = Parameters<JournalStore["onChange"]>[0];

type Doomed = { readonly process: SimulatedProcess; readonly view: JournalStore; readonly kill: () => void };
