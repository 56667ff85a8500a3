import { scriptedModel } from "../../models/index.ts";
import type { RunDelivery } from "../../core/delivery.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { Timestamp } from "../../core/ids.ts";
import type { DutyQuery } from "../../ports/duty.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import {
  defineAgent,
  type AgentDefinition,
  type DeliveryOptions,
  type ScheduleOptions,
} from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import type { PlannedTicks, Telling } from "./checker/history.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WorldDeps } from "./world.ts";

/** In so many of the worlds there are schedules, and somebody who is told of what happens. */
const SHARE = 1 / 3;

/** What is run by the calendar is run by an agent of its own. */
export const TIMEKEEPER = "timekeeper";

const TRY_AGAIN_MS = 3_000;
const HANDLER_LIMIT_MS = 5_000;
const ALL = { limit: 100_000 } as const;

type Plan = ScheduleOptions & {
  readonly id: string;
  readonly everyMs: number;
  readonly startAt: Timestamp;
  readonly endAt: Timestamp;
};

/** Chance and books of their own: the other parts of a world are as they would be without. */
export class Calendar {
  readonly isOn: boolean;
  readonly tellings: Telling[] = [];
  readonly #random: Random;
  readonly #plans: readonly Plan[];
  readonly #made = new Set<string>();
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #tellings = 0;

  constructor(random: Random, now: Timestamp) {
    this.#random = random;
    this.isOn = random.chance(SHARE);
    this.#plans = this.isOn ? [this.#plan("diary", now), this.#plan("apart", now)] : [];
  }

  /** Agents that a process has on top. */
  agentsOn({ runtimeClock }: SimulatedProcess): readonly AgentDefinition<string, WorldDeps>[] {
    if (!this.isOn) return [];
    const model = scriptedModel(() => ({ text: "Noted." }), { clock: runtimeClock });
    return [defineAgent({ name: TIMEKEEPER, instructions: "", model })];
  }

  /** Who is told, in a process: not every time they take it, and now and then they take their time. */
  recipientsOn(process: SimulatedProcess): DeliveryOptions {
    if (!this.isOn) return {};
    const handle = (delivery: RunDelivery): unknown => this.#tell(delivery, process);
    const listener = {
      name: "listener",
      handle,
      timeoutMs: HANDLER_LIMIT_MS,
      retry: { maxAttempts: 1_000_000, initialDelayMs: 500, maxDelayMs: 4_000 },
    };
    return { onSettled: listener, onSuspend: listener };
  }

  /** Makes what is not made yet; an answer that was not heard is asked for again. */
  tend({ runtime, process }: Booted): void {
    const nowMs = process.clock.monotonicMs();
    const missing = this.#plans.filter(({ id }) => !this.#made.has(id));
    if (missing.length === 0 || this.#triedAtMs + TRY_AGAIN_MS > nowMs) return;
    this.#triedAtMs = nowMs;
    for (const plan of missing) {
      const note = (): void => void this.#made.add(plan.id);
      void runtime.schedules.create(plan).then(note, () => undefined);
    }
  }

  /** Whether all is told and no tick is to come. */
  async isQuiet(store: JournalStore): Promise<boolean> {
    if (!this.isOn) return true;
    const waiting = async (kind: DutyQuery["kind"]): Promise<number> =>
      (await store.listDuties({ kind, isOwed: true, ...ALL })).duties.length;
    return (await waiting("delivery")) === 0 && (await waiting("schedule")) === 0;
  }

  /** What was to be run, by the schedules that the store has or that somebody was told it has. */
  async planned(store: JournalStore): Promise<readonly PlannedTicks[]> {
    if (!this.isOn) return [];
    const { duties } = await store.listDuties({ kind: "schedule", ...ALL });
    return this.#plans.map(({ id, everyMs, startAt, endAt, sessionKey }) => {
      const duty = duties.find((one) => one.id === id);
      const stored = duty === undefined ? null : (JSON.parse(duty.body) as { readonly createdAt: Timestamp });
      const isAcknowledged = this.#made.has(id);
      const isShared = sessionKey !== undefined;
      const createdAt = stored?.createdAt ?? null;
      return { schedule: id, everyMs, startAt, endAt, createdAt, isAcknowledged, isShared };
    });
  }

  #plan(id: "diary" | "apart", now: Timestamp): Plan {
    const everyMs = this.#random.between(2_000, 15_000);
    const startAt = now + this.#random.between(3_000, 30_000);
    const endAt = startAt + everyMs * this.#random.between(3, 12);
    const shared = id === "diary" ? { sessionKey: "diary" } : {};
    return {
      id,
      agent: TIMEKEEPER,
      input: "Look.",
      everyMs,
      startAt,
      endAt,
      missed: { all: 1_000 },
      ...shared,
    };
  }

  async #tell({ id, type, sessionId, position }: RunDelivery, process: SimulatedProcess): Promise<void> {
    this.#tellings += 1;
    const telling = { id, type, sessionId, position, by: process.name, order: this.#tellings };
    const fate = this.#random.between(1, 10);
    if (fate === 1) await new Promise(() => {});
    if (fate <= 3) await process.sleep(this.#random.between(1, 4_000));
    const isTaken = fate > 2 && fate < 9;
    this.tellings.push({ ...telling, isTaken });
    if (!isTaken) throw new HoldfastError("DELIVERY_FAILED", "not now");
  }
}
