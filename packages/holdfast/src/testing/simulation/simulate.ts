import { toBase64Url } from "../../core/base64url.ts";
import type { SessionId } from "../../core/ids.ts";
import { sha256 } from "../../runtime/index.ts";
import type { FaultKind } from "./chaos.ts";
import { forget } from "./eraser.ts";
import { checkHistory } from "./checker/history-checker.ts";
import type { History } from "./checker/history.ts";
import type { Violation } from "./checker/rules.ts";
import { resumeInVain } from "./meddlers.ts";
import { askOddly } from "./odd-people.ts";
import { comeBack } from "./later-guests.ts";
import { visitAsLater } from "./later-visit.ts";
import { People } from "./people.ts";
import type { Booted } from "./booted.ts";
import { historyOf } from "./history-of.ts";
import { Simulation } from "./simulation.ts";

export type SimulateOptions = {
  readonly seed: number;
  /** How many strokes of fate the fault phase has. */
  readonly steps?: number;
  /** How many sessions there are at most. */
  readonly sessions?: number;
  /** Faults that are left out. */
  readonly without?: readonly FaultKind[];
  /** How many faults there are at most. */
  readonly atMost?: number;
};

export type SimulationResult = {
  readonly seed: number;
  /** The same for the same seed, on every machine. */
  readonly traceHash: string;
  readonly events: number;
  readonly sessions: number;
  readonly faults: number;
  readonly faultsByKind: ReadonlyMap<FaultKind, number>;
  readonly violations: readonly Violation[];
  /** How often each event came in each state after each fault: `event phase fault`. */
  readonly coverage: ReadonlyMap<string, number>;
  /** What happened, a line each. */
  readonly trace: readonly string[];
  /** What the checker was given: for looking closer, and for forging. */
  readonly history: History;
};

const STEPS = 70;
const MOST_SESSIONS = 4;
/** In some worlds there is nobody who would find what a process forgets. */
const MOST_PROCESSES = [1, 2, 3, 3, 3, 3] as const;
/** What happened last is heard of by then. */
const SEEN_AFTER_MS = 3_000;
const QUIET_ROUNDS = 500;
const QUIET_ROUND_MS = 4_000;

/**
 * Plays one seed: the real runtime in several processes on one store, a virtual clock, and everything that
 * can go wrong; then calm, until nothing is owed; then the history checker's word on it.
 */
export const simulate = async (options: SimulateOptions): Promise<SimulationResult> => {
  // Schemas are checked with what is loaded when it is first used: that takes real time, and in a world there is none.
  await import("ajv");
  const { seed, steps = STEPS, sessions = MOST_SESSIONS, ...mercy } = options;
  const sim = new Simulation(seed, mercy);
  const people = new People(sim, sessions);
  sim.onCommit = (booted, sessionId) => void people.cancelLast(booted, sessionId).catch(() => undefined);
  sim.onUrge = (booted, sessionId) => people.urge(booted, sessionId);
  sim.onChange = (booted, sessionId) => people.interject(booted, sessionId);
  const most = sim.random.pick(MOST_PROCESSES);
  const processes = Math.min(most, sim.random.between(2, 3));
  for (let born = 0; born < processes; born += 1) await sim.boot();
  for (let step = 0; step < steps; step += 1) await strike(sim, people, most);
  await calm(sim, people);
  if (await comeBack(sim, people)) await calm(sim, people);
  await sim.clock.advance(SEEN_AFTER_MS);
  await epilogue(sim, people);
  const history = await historyOf(sim);
  const violations = [...checkHistory(history), ...alarmsOf(sim)];
  const { calendar, team, archive } = history;
  const apart = [calendar, team, archive].flatMap((one) => [...(one?.journals.values() ?? [])]);
  const events = [...history.journals.values(), ...apart].reduce((sum, { length }) => sum + length, 0);
  return {
    seed,
    traceHash: hashOf(sim, history),
    events,
    sessions: history.journals.size,
    faults: sim.chaos.total,
    faultsByKind: sim.chaos.counts,
    violations,
    coverage: sim.coverage.cells,
    trace: sim.trace,
    history,
  };
};

/** Some time passes, and something happens. */
const strike = async (sim: Simulation, people: People, most: number): Promise<void> => {
  const { random, chaos, clock } = sim;
  await clock.advance(random.chance(0.85) ? random.between(1, 2_500) : random.between(2_500, 20_000));
  if (sim.living.length === 0 || (sim.living.length < most && random.chance(0.3))) await sim.boot();
  const someone = random.any(sim.living.filter(({ process }) => process.isRunning));
  if (someone === undefined) return;
  people.send(someone);
  sim.calendar.tend(someone);
  sim.team.tend(someone);
  sim.archive.tend(someone);
  for (const sessionId of people.sessions) attend(sim, someone, sessionId);
  if (chaos.strikes("crash", 0.03)) sim.crash(someone);
  if (chaos.strikes("power-loss", 0.01)) await sim.losePower();
  if (chaos.strikes("drain", 0.02)) sim.drain(someone);
  if (chaos.strikes("freeze", 0.04)) freeze(sim, someone);
  if (chaos.strikes("cancel", 0.03)) void people.cancel(someone).catch(() => undefined);
  if (chaos.strikes("resume-in-vain", 0.03)) resumeInVain(sim, someone, random.any([...people.sessions]));
  if (chaos.strikes("clock-jump", 0.02)) jump(sim);
  if (chaos.strikes("spurious-wake", 0.1)) wake(sim, people);
  if (chaos.strikes("stray-client", 0.06)) void sim.probe().catch(() => undefined);
  const taken = chaos.strikes("silent-takeover", 0.05) ? random.any([...people.sessions]) : undefined;
  if (taken !== undefined) void sim.takeSilently(taken).catch(() => undefined);
  if (chaos.strikes("erase", 0.04))
    void forget(sim, someone, random.any([...people.sessions])).catch(() => undefined);
  if (chaos.strikes("odd-request", 0.06)) void askOddly(sim, someone, people.keys).catch(() => undefined);
  sim.interruptions.interfere(someone, people.sessions);
  for (const sessionId of people.sessions) {
    if (random.chance(0.15)) void people.operate(someone, sessionId).catch(() => undefined);
  }
};

/** Now and then somebody begins to follow a session, or looks at what there is of it. */
const attend = ({ random, audience }: Simulation, someone: Booted, sessionId: SessionId): void => {
  if (random.chance(0.1)) audience.watch(someone, sessionId);
  if (random.chance(0.02)) void audience.look(someone, sessionId).catch(() => undefined);
};

const freeze = (sim: Simulation, { process }: Booted): void => {
  sim.chaos.struck("freeze", null);
  sim.say(`freeze ${process.name}`);
  process.freeze(sim.random.between(500, 90_000));
};

/**
 * Back at any time. Forward only while no run is being worked: a clock that runs ahead ends every lease and
 * every wait early, and no check can know.
 */
const jump = (sim: Simulation): void => {
  const ms = sim.random.between(-60_000, sim.isAtRest ? 20_000 : 0);
  sim.chaos.struck("clock-jump", null);
  for (const { process } of sim.living) process.suffers("clock", 0);
  sim.say(`jump ${ms}`);
  sim.clock.jump(ms);
};

/** Somebody says that something may have changed, and nothing has. */
const wake = (sim: Simulation, people: People): void => {
  sim.chaos.struck("spurious-wake", null);
  sim.announce([...people.sessions]);
};

/** No more faults: the stopped go on, the dead are replaced, what is asked is answered, until nothing is owed. */
const calm = async (sim: Simulation, people: People): Promise<void> => {
  sim.say("calm");
  sim.chaos.isOn = false;
  for (const { process } of sim.living) process.thaw();
  for (let round = 0; round < QUIET_ROUNDS; round += 1) {
    while (sim.living.length < 2 || !sim.living.some(({ isComplete }) => isComplete)) await sim.boot(true);
    await sim.clock.advance(QUIET_ROUND_MS);
    const [first] = sim.living;
    // The last may have been on their way out.
    if (first === undefined) continue;
    people.send(first);
    sim.interruptions.calm(first);
    sim.calendar.tend(first);
    sim.team.tend(first);
    sim.archive.tend(first);
    // Answers come when the disk has taken them, which needs time to pass.
    for (const sessionId of people.sessions) void people.operate(first, sessionId).catch(() => undefined);
    for (const sessionId of await sim.sessionsOfAgents())
      void people.operate(first, sessionId).catch(() => undefined);
    const isDone = people.isContent && sim.interruptions.isLifted && (await sim.isSettled());
    if (isDone && (await sim.isQuiet())) return;
  }
};

const LATER_SHARE = 0.3;

/** When all is done, now and then a later version comes by. */
const epilogue = async (sim: Simulation, people: People): Promise<void> => {
  const sessionId = sim.random.any([...people.sessions]);
  const { without = [] } = sim.mercy;
  const mayCome = sim.random.chance(LATER_SHARE) && !without.includes("newer-writer");
  if (sessionId === undefined || !mayCome || !(await sim.isSettled())) return;
  await visitAsLater(sim, sessionId);
};

/** What showed while it happened, and not in what is left. */
const alarmsOf = ({ alarms, wrongSnapshots }: Simulation): readonly Violation[] => [
  ...alarms.map((what) => ({ rule: "alarm", promise: "S1", sessionId: "", position: null, what }) as const),
  ...wrongSnapshots.map(
    (where) =>
      ({ rule: "snapshot-wrong", promise: "J3", ...where, what: "it is no fold of the journal" }) as const,
  ),
];

const hashOf = ({ trace }: Simulation, { journals, effects }: History): string => {
  const heads = [...journals].map(
    ([id, events]) => `${id} ${toBase64Url(events.at(-1)?.hash ?? new Uint8Array())}`,
  );
  return toBase64Url(sha256(`${trace.join("\n")}\n${heads.join("\n")}\n`, JSON.stringify(effects)));
};
