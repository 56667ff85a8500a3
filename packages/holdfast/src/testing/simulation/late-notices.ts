import type { JournalStore } from "../../ports/journal-store.ts";
import type { Chaos } from "./chaos.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** What another process did is heard of within this time (E5). */
const HEARD_WITHIN_MS = 240;

export type NoticeParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  /** Whether all news takes its time just now. */
  readonly isNewsHeld: () => boolean;
};

/** A process's way to the store, on which the word that others changed something takes its time. */
export const noticedLate = ({ process, chaos, isNewsHeld }: NoticeParts, store: JournalStore): JournalStore =>
  new Proxy(store, {
    get: (target, name): unknown => {
      if (name === "onChange")
        return (listener: Parameters<JournalStore["onChange"]>[0]) =>
          store.onChange((sessions) => {
            const isHeld = isNewsHeld();
            if (!isHeld && !chaos.strikes("notice-late", 0.15)) {
              listener(sessions);
              return;
            }
            chaos.struck("notice-late", null);
            const ms = chaos.random.between(isHeld ? HEARD_WITHIN_MS / 2 : 1, HEARD_WITHIN_MS);
            process.clock.startTimer(ms, () => listener(sessions));
          });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
