/** Lets what is done under one name be done one after the other. */
export type Turns = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;

/** The calls of one turn run at once: two edits of a file must not both begin from the same text. */
export const createTurns = (): Turns => {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    // Whatever comes of it, the next one begins.
    const over = mine.then(
      () => {},
      () => {},
    );
    last.set(name, over);
    try {
      return await mine;
    } finally {
      if (last.get(name) === over) last.delete(name);
    }
  };
};
