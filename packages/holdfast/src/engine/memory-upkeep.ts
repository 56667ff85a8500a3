import type { Duty } from "../ports/duty.ts";
import type { EngineServices } from "./services.ts";

const VERSION = 1;
const ASSIGNEE = "upkeep:memory";
/** What has expired is found no more at once, and is gone so much later at most, where anybody is there. */
const EVERY_MS = 3_600_000;

/**
 * Sweeps the memory: what has expired, and what is older than its kind is kept. It is a row in the store, so of all processes
 * one does it, and what was missed while nobody was there is made up for at once.
 */
export class MemoryUpkeep {
  readonly #services: Pick<EngineServices, "store" | "clock" | "memory" | "memoryKeepMs">;

  constructor(services: Pick<EngineServices, "store" | "clock" | "memory" | "memoryKeepMs">) {
    this.#services = services;
  }

  get assignees(): readonly string[] {
    return this.#services.memory === null ? [] : [ASSIGNEE];
  }

  /** Sees to it that there is such a row. */
  async begin(): Promise<void> {
    const { store, clock, memory } = this.#services;
    if (memory === null) return;
    const place = {
      kind: "upkeep",
      id: "memory",
      assignee: ASSIGNEE,
      tenant: null,
      lane: null,
      place: 0,
    } as const;
    const duty = { ...place, dueAt: clock.now(), body: JSON.stringify({ v: VERSION }) };
    // It stays as it is where there is one.
    await store.changeDuty({ kind: "put", duty, expect: null });
  }

  /** False when it is not known here. */
  async run({ revision, ...duty }: Duty): Promise<boolean> {
    const { store, clock, memory, memoryKeepMs } = this.#services;
    const { v } = JSON.parse(duty.body) as { readonly v: number };
    // S6: one of another version is left to those who know it
    if (memory === null || v !== VERSION) return false;
    await memory.sweep({ now: clock.now(), keepMs: memoryKeepMs });
    // Last: who dies before it sweeps again, and finds less to do.
    const next = { ...duty, dueAt: clock.now() + EVERY_MS };
    await store.changeDuty({ kind: "put", duty: next, expect: revision });
    return true;
  }
}
