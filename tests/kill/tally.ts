import type { ChainResult } from "./chain.ts";
import { SYSCALLS } from "./planned-death.ts";

/** Adds up what many directories came to. */
export class Tally {
  readonly #chains: ChainResult[] = [];

  add(chain: ChainResult): void {
    this.#chains.push(chain);
  }

  get kills(): number {
    return this.#chains.reduce((sum, { killedAt }) => sum + killedAt.length, 0);
  }

  get failed(): readonly ChainResult[] {
    return this.#chains.filter(({ findings }) => findings.length > 0);
  }

  get passed(): number {
    return this.#chains.length - this.failed.length;
  }

  /** Kills by the family of system calls they hit; `clock` for those by time alone. */
  get families(): ReadonlyMap<string, number> {
    const families = new Map<string, number>();
    for (const place of this.#chains.flatMap(({ killedAt }) => killedAt)) {
      const call = place.split(" ")[0] ?? "";
      const [family = "clock"] =
        Object.entries(SYSCALLS).find(([, calls]) => calls.some((one) => one === call)) ?? [];
      families.set(family, (families.get(family) ?? 0) + 1);
    }
    return families;
  }

  lines(): readonly string[] {
    const all = this.#chains;
    const sum = (of: (chain: ChainResult) => number): number =>
      all.reduce((total, chain) => total + of(chain), 0);
    const places = Map.groupBy(
      all.flatMap(({ killedAt }) => killedAt),
      (place) => place,
    );
    const byPlace = [...places].toSorted(([, left], [, right]) => right.length - left.length);
    const two = all.filter(({ seats }) => seats === 2);
    const twoKills = two.reduce((total, { killedAt }) => total + killedAt.length, 0);
    return [
      `${this.kills} processes killed in ${all.length} data directories; ${twoKills} of them in ${two.length} directories that two processes had open at once`,
      ...byPlace.map(([place, { length }]) => `  ${String(length).padStart(6)}  ${place}`),
      `${sum(({ events }) => events)} events in the journals, ${sum(({ effects }) => effects)} lines in the books of the service`,
      `acknowledged, and looked for: ${sum(({ acknowledgements }) => acknowledgements.event)} events seen, ` +
        `${sum(({ acknowledgements }) => acknowledgements.input)} inputs, ` +
        `${sum(({ acknowledgements }) => acknowledgements.outcome)} outcomes, ` +
        `${sum(({ acknowledgements }) => acknowledgements.resolution)} answers of an operator, ` +
        `${sum(({ acknowledgements }) => acknowledgements.session)} sessions`,
      `violations: ${sum(({ findings }) => findings.length)}`,
    ];
  }
}
