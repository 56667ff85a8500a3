import { UsageError } from "./usage-error.ts";

/** The options that were given, read by type. */
export class Flags {
  readonly #given: ReadonlyMap<string, string | true>;

  constructor(given: ReadonlyMap<string, string | true>) {
    this.#given = given;
  }

  isOn(name: string): boolean {
    return this.#given.has(name);
  }

  text(name: string): string | undefined {
    const value = this.#given.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** A whole number from `least` on. */
  count(name: string, least = 1): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const count = Number(value);
    if (/^\d+$/.test(value) && Number.isSafeInteger(count) && count >= least) return count;
    throw new UsageError(`--${name} takes a whole number from ${least} on, not "${value}".`);
  }

  /** One of a few words. */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw new UsageError(`--${name} takes one of ${words.join(", ")}, not "${value}".`);
  }
}
