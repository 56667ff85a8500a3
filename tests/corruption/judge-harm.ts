import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Harm, doHarm } from "./damage.ts";
import { type Answers, readEverything } from "./read-everything.ts";
import type { Specimen } from "./specimen.ts";

/**
 * `harmless`: every answer is what it was. `refused`: whatever could not be answered right was refused with a
 * typed error. `named`: an answer is another, and `check` says that something is wrong. `silent`: an answer is
 * another and nobody says so.
 */
export type Verdict = {
  readonly kind: "harmless" | "refused" | "named" | "silent" | "untyped";
  /** What was answered otherwise. */
  readonly what: readonly string[];
};

/** Compares what a harmed copy answers with what the whole one did. */
export class HarmJudge {
  readonly #specimen: Specimen;
  readonly #copy: string;
  readonly #right: Answers;

  constructor(specimen: Specimen, place: string) {
    this.#specimen = specimen;
    this.#copy = join(place, `copy-${specimen.name}`);
    this.#right = this.#read(null).answers;
    const wrong = [...this.#right].filter(([, answer]) => answer.includes("error "));
    if (wrong.length > 0) throw new TypeError(`The whole specimen cannot be read: ${wrong.join("; ")}`);
  }

  get questions(): number {
    return this.#right.size;
  }

  judge(harm: Harm): Verdict {
    const { answers, damages } = this.#read(harm);
    const isChecked = damages.length > 0;
    const differing = [...answers].filter(
      ([name, answer]) => name !== "check" && answer !== this.#right.get(name),
    );
    const untyped = differing.filter(([, answer]) => answer.startsWith("untyped"));
    if (untyped.length > 0) return { kind: "untyped", what: untyped.map(([name, why]) => `${name}: ${why}`) };
    const wrong = differing.filter(([, answer]) => !answer.startsWith("error "));
    const what = wrong.map(([name, answer]) => `${name}: ${answer.slice(0, 200)}`);
    if (wrong.length > 0) return { kind: isChecked ? "named" : "silent", what };
    return { kind: differing.length > 0 || isChecked ? "refused" : "harmless", what: [] };
  }

  #read(harm: Harm | null) {
    rmSync(this.#copy, { recursive: true, force: true });
    cpSync(this.#specimen.dir, this.#copy, { recursive: true });
    if (harm !== null) doHarm(this.#copy, harm);
    return readEverything(this.#copy, this.#specimen.manifest);
  }
}
