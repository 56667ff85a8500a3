import type { CircuitPolicy } from "../core/circuit.ts";
import type { Effect } from "../core/effect.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import type { SessionState } from "../core/session-state.ts";
import type { StoredSchedule, Timetable } from "../core/schedule.ts";
import type { Agent } from "../ports/agent.ts";
import type { Budget } from "../ports/budget.ts";
import type { Interceptor } from "../ports/interceptor.ts";
import type { Clock } from "../ports/clock.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { MemoryStore, MemorySweep } from "../ports/memory-store.ts";
import type { PriceList } from "../ports/model.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Logger, Workspace } from "../ports/tool.ts";
import type { Recipient } from "./recipient.ts";
import type { Circuits } from "./circuits.ts";
import type { LastGood } from "./last-good.ts";
import type { WaitingLines } from "./waiting-lines.ts";
import type { HeldResources } from "./held-resources.ts";
import type { EventFeed } from "./event-feed.ts";
import type { Redactor } from "./redactor.ts";
import type { StallMonitor } from "./stall-monitor.ts";

/** Decides what a session owes. `plan` is the default; anything with this shape may drive a session. */
export type Decider = (state: SessionState, now: number) => readonly Effect[];

/** Limits that end every wait of a model call (E6), in milliseconds. */
export type ModelTimeouts = {
  readonly firstTokenMs: number;
  readonly gapMs: number;
  readonly totalMs: number;
};

/** Everything the engine works with; made once, by the runtime. */
export type EngineServices = {
  readonly store: JournalStore;
  /** What is known beyond sessions; null where the runtime was given none. */
  readonly memory: MemoryStore | null;
  /** How long what is known is kept, by kind; for ever where it is not said. */
  readonly memoryKeepMs: NonNullable<MemorySweep["keepMs"]>;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly decide: Decider;
  /** When a schedule has its ticks. */
  readonly timetable: (schedule: StoredSchedule) => Timetable;
  readonly feed: EventFeed;
  readonly prices: PriceList;
  /** Limits that many runs share (E8). */
  readonly budgets: readonly Budget[];
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly stalls: StallMonitor;
  /** Where isolated tools run. */
  readonly sandbox: Sandbox;
  /** What is not called for a while because it keeps failing. */
  readonly circuits: Circuits;
  /** When models are not called for a while; null for never. */
  readonly modelCircuit: CircuitPolicy | null;
  /** What tools answered when they last worked, for those that fall back on it. */
  readonly lastGood: LastGood;
  /** Where calls of limited tools wait for their turn. */
  readonly lines: WaitingLines;
  /** What tools hold open between calls. */
  readonly resources: HeldResources;
  readonly agents: ReadonlyMap<string, Agent>;
  /** Those that look at every tool call, in order. */
  readonly interceptors: readonly Interceptor[];
  /** Who is told of events, by name. */
  readonly recipients: ReadonlyMap<string, Recipient>;
  readonly timeouts: ModelTimeouts;
  readonly deps: unknown;
  readonly secret: (name: string) => string;
  readonly workspace: (sessionId: string) => Workspace;
  /** Identity of this process in leases. */
  readonly holder: string;
  readonly leaseMs: number;
  /** Whether this process works sessions, or only talks to them. */
  readonly isWorker: boolean;
};
