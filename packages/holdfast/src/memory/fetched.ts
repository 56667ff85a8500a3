/**
 * What work needs that cannot be had in the middle of it. What is asked for and not there yet is noted, and answered as nothing;
 * then all of it is fetched at once, and the work done again.
 */
export class Fetched<Value> {
  readonly #known = new Map<string, Value | undefined>();
  readonly #missing = new Set<string>();
  readonly #fetch: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

  constructor(fetch: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>) {
    this.#fetch = fetch;
  }

  get(key: string): Value | undefined {
    if (!this.#known.has(key)) this.#missing.add(key);
    return this.#known.get(key);
  }

  /** False when nothing was missing. */
  async fetchMissing(): Promise<boolean> {
    const keys = [...this.#missing];
    if (keys.length === 0) return false;
    this.#missing.clear();
    const found = await this.#fetch(keys);
    for (const key of keys) this.#known.set(key, undefined);
    for (const [key, value] of found) this.#known.set(key, value);
    return true;
  }
}

type Source = { fetchMissing(): Promise<boolean> };

/** What the work comes to when everything it asked for is there. It is done several times, and so must do nothing but answer. */
export const untilFetched = async <Result>(
  sources: readonly Source[],
  work: () => Result,
): Promise<Result> => {
  for (;;) {
    const result = work();
    let isWhole = true;
    for (const source of sources) if (await source.fetchMissing()) isWhole = false;
    if (isWhole) return result;
  }
};
