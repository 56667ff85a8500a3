import { isAskedAbout } from "./approvers.ts";
import { ARCHIVE } from "./archive.ts";
import { sha256 } from "../../runtime/index.ts";
import type { SessionId } from "../../core/ids.ts";
import type { ListedSession } from "../../ports/journal-store.ts";
import type { History } from "./checker/history.ts";
import type { Ledger } from "./ledger.ts";
import { AGENT, LIMITED, TOOL_NAMES } from "./simulated-agent.ts";
import { TEAM } from "./team.ts";
import { TIMEKEEPER } from "./calendar.ts";
import { pricesIn } from "./simulated-budget.ts";
import { MODEL_LIMITS } from "./simulated-model.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { SPELLINGS } from "./simulated-secret.ts";
import type { Simulation } from "./simulation.ts";
import { TRY_AGAIN_MS } from "./store-faults.ts";

/** A lease that has run out is let go by then. */
const LET_GO_WITHIN_MS = 10_000;

/** Of a runtime with nothing to do: it asks for work, for its leases, and for what waits for a definition. */
const ROUNDS = 3;

/** Timers of a runtime with nothing to do: where the store has something to wake for, it is looked for on time. */
const idleTimers = async (sim: Simulation): Promise<number> => {
  const { session } = await sim.attach().nextWake([AGENT, TIMEKEEPER, ...TEAM, ...ARCHIVE], []);
  return session === null ? ROUNDS : ROUNDS + 1;
};

/** Neither dead nor on its way out, and with nothing the matter for a while. */
const isWell = ({ troubles }: SimulatedProcess, nowMs: number): boolean =>
  troubles.every(({ kind, untilMs }) => kind !== "gone" && untilMs + TRY_AGAIN_MS < nowMs);

/** What stands in the ledger, and needs no second look. */
const asWritten = (ledger: Ledger) =>
  ({
    told: ledger.told,
    decisions: ledger.decisions,
    probes: ledger.probes,
    refused: ledger.vain,
    sightings: ledger.sightings,
    stops: ledger.stops,
    broken: ledger.broken,
    refusedPrompts: ledger.refusedPrompts,
    models: ledger.models,
    visits: ledger.visits,
    written: ledger.written,
    pieces: ledger.pieces,
    births: ledger.births,
    deaths: ledger.deaths,
    takings: ledger.leases.takings,
    wrongFiles: ledger.wrongFiles,
    erasures: ledger.erasures,
    glances: ledger.glances,
    answers: ledger.answers,
    remarks: ledger.remarks,
  }) satisfies Partial<History>;

/** What was owed outside of the sessions of people. */
const calendarOf = async (sim: Simulation, scheduled: readonly SessionId[]): Promise<History["calendar"]> => {
  const read = async (id: SessionId) => [id, await sim.readStored(id)] as const;
  return {
    planned: await sim.calendar.planned(sim.attach()),
    tellings: sim.calendar.tellings,
    journals: new Map(await Promise.all(scheduled.map(read))),
  };
};

/** What agents asked of each other. */
const teamOf = async (sim: Simulation, ids: readonly SessionId[]): Promise<History["team"]> => {
  const read = async (id: SessionId) => [id, await sim.readStored(id)] as const;
  const { noted, accepted } = sim.team;
  return { noted, accepted, journals: new Map(await Promise.all(ids.map(read))) };
};

/** What an agent remembers, and of whom it should not. */
const archiveOf = async (sim: Simulation, ids: readonly SessionId[]): Promise<History["archive"]> => {
  const read = async (id: SessionId) => [id, await sim.readStored(id)] as const;
  const { entrusted, forgotten, consulted } = sim.archive;
  return {
    entrusted,
    forgotten,
    consulted,
    records: await sim.archive.records(),
    files: await sim.archive.files(sim.attach()),
    unread: await sim.archive.unread(sim.attach()),
    journals: new Map(await Promise.all(ids.map(read))),
  };
};

/** What may be, and what it costs. */
const termsOf = (sim: Simulation) => {
  const { calls } = sim.limits;
  return {
    modelLimits: MODEL_LIMITS,
    prices: new Map(
      Object.entries(pricesIn(sim.budget)).map(([name, price]) => [name.split("/", 1)[0] ?? "", price]),
    ),
    ...(calls === null ? {} : { bank: { ...calls, tools: LIMITED } }),
  } satisfies Partial<History>;
};

const idsOf = (
  listed: readonly ListedSession[],
  isMeant: (agent: string) => boolean,
): ReadonlySet<SessionId> =>
  new Set(listed.filter(({ agent }) => isMeant(agent)).map(({ sessionId }) => sessionId));

/** What happened in a world, as those who judge are told of it. */
export const historyOf = async (sim: Simulation): Promise<History> => {
  const listed = await sim.listStored();
  const scheduled = idsOf(listed, (agent) => agent === TIMEKEEPER);
  const team = idsOf(listed, (agent) => TEAM.has(agent));
  const archive = idsOf(listed, (agent) => ARCHIVE.has(agent));
  const apart = scheduled.union(team).union(archive);
  const sessions = [...sim.ledger.durable.keys()].filter((id) => !apart.has(id));
  const { ledger, world } = sim;
  const { stranger } = ledger;
  const { leftAt } = sim;
  const isLeft = ({ sessionId }: { readonly sessionId: SessionId }): boolean =>
    sessionId === stranger?.sessionId;
  const read = async (id: SessionId) => {
    const events = await sim.readStored(id);
    return [id, stranger?.sessionId === id ? events.slice(0, stranger.after) : events] as const;
  };
  const nowMs = sim.clock.monotonicMs();
  const idle = await idleTimers(sim);
  return {
    sha256,
    ...asWritten(ledger),
    ...(sim.approvers.isOn ? { isAskedAbout } : {}),
    journals: new Map(await Promise.all(sessions.map(read))),
    effects: world.log,
    activities: world.activities,
    checks: world.checks,
    // What comes after a later version has the session waits for it, and what has just come is on its way.
    lateReturns: world.lateReturns.filter((one) => !isLeft(one) && one.sinceMs + TRY_AGAIN_MS < nowMs),
    posted: ledger.posted.filter((one) => one.at <= leftAt || !isLeft(one)),
    troubles: [...sim.processes.flatMap(({ process }) => process.troubles), ...ledger.troubles],
    lapses: ledger.leases.lapsedBy(nowMs),
    left: ledger.leases.leftSince(sim.clock.now() - LET_GO_WITHIN_MS).filter((one) => !isLeft(one)),
    leftMs: nowMs - LET_GO_WITHIN_MS,
    followers: sim.audience.followers((process) => isWell(process, nowMs)),
    ...termsOf(sim),
    ...(sim.budget === null ? {} : { accounts: await sim.accounts(), budgets: sim.budget.shared }),
    isCrowded: sim.isCrowded,
    ...(sim.calendar.isOn ? { calendar: await calendarOf(sim, [...scheduled]) } : {}),
    ...(sim.team.isOn ? { team: await teamOf(sim, [...team]) } : {}),
    ...(sim.archive.isOn ? { archive: await archiveOf(sim, [...archive]) } : {}),
    acknowledged: ledger.acknowledged.filter(({ sessionId }) => !apart.has(sessionId)),
    unread: new Map(
      listed.flatMap(({ sessionId, unreadSignals }) =>
        sessionId === stranger?.sessionId ? [] : [[sessionId, unreadSignals]],
      ),
    ),
    actedOnDamage: sim.chaos.counts.has("damaged-read") ? ledger.actedOnDamage : [],
    strangers: stranger === null ? [] : [stranger],
    known: TOOL_NAMES,
    secrets: SPELLINGS,
    askers: sim.askers.waiting((process) => isWell(process, nowMs)),
    quietAt: sim.clock.now(),
    timersLeft: sim.living.flatMap(({ process }) =>
      process.timers > idle && isWell(process, nowMs)
        ? [{ by: process.name, count: process.timers - idle }]
        : [],
    ),
  };
};
