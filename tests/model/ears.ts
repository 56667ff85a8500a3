/** A store through which a process can be killed, told nothing of others for a while, and waited for until it rests. */
import type { JournalStore } from "holdfast/ports";

export type Ears = {
  readonly store: JournalStore;
  /** Tells the process that others may have posted something. */
  hear(): void;
  /** Nothing of the process reaches the store any more, or comes back. */
  kill(): void;
  /** What it has asked of the store and not been answered. */
  readonly open: ReadonlySet<Promise<unknown>>;
};

type Listener = Parameters<JournalStore["onChange"]>[0];

export const earsOf = (store: JournalStore): Ears => {
  const open = new Set<Promise<unknown>>();
  const listeners = new Set<Listener>();
  let isDead = false;
  const onChange = (listener: Listener): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const through = (work: () => Promise<unknown>): Promise<unknown> => {
    if (isDead) return new Promise(() => undefined);
    const asked = work();
    open.add(asked);
    const answered = asked.finally(() => open.delete(asked));
    return answered.then(
      (value) => (isDead ? new Promise(() => undefined) : value),
      (thrown: unknown) => {
        if (isDead) return new Promise(() => undefined);
        throw thrown;
      },
    );
  };
  const proxy = new Proxy(store, {
    get: (target, name) => {
      if (name === "onChange") return onChange;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => through(async () => Reflect.apply(member, target, args));
    },
  });
  return {
    store: proxy,
    hear: () => {
      for (const listener of listeners) listener("unknown");
    },
    kill: () => {
      isDead = true;
    },
    open,
  };
};
