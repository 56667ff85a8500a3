import type { SessionId } from "../../core/ids.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { Chaos } from "./chaos.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** What is read of a session may be on its way for so long: others write meanwhile. */
const ON_ITS_WAY_MS = 120;

export type Opening = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  /** Told when something is on its way. */
  readonly onSlow: (sessionId: SessionId) => void;
};

/** A process's way to the store, on which a session takes its time to be opened. */
export const slowOpening = ({ process, chaos, onSlow }: Opening, store: JournalStore): JournalStore => {
  const load = async (sessionId: SessionId): ReturnType<JournalStore["load"]> => {
    const loaded = await store.load(sessionId);
    if (!chaos.strikes("opened-slowly", 0.06)) return loaded;
    chaos.struck("opened-slowly", sessionId);
    onSlow(sessionId);
    await process.sleep(chaos.random.between(1, ON_ITS_WAY_MS));
    return loaded;
  };
  return new Proxy(store, {
    get: (target, name): unknown => {
      if (name === "load") return load;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
};
