import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Harm } from "./damage.ts";
import type { Verdict } from "./judge-harm.ts";
import type { Specimen } from "./specimen.ts";

const PROGRAM = fileURLToPath(new URL("./harm-process.ts", import.meta.url));
const LONGEST_MS = 60_000;

/** Has harms judged elsewhere; a judge that dies or hangs is a verdict of its own. */
export class HarmRunner {
  readonly #specimen: Specimen;
  readonly #place: string;
  #child: ChildProcess | null = null;

  constructor(specimen: Specimen, place: string) {
    this.#specimen = specimen;
    this.#place = place;
  }

  async judge(harm: Harm): Promise<Verdict | { readonly kind: "died"; readonly what: readonly string[] }> {
    const child = this.#running();
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
      const done = (verdict: Verdict): void => {
        clearTimeout(timer);
        child.off("exit", gone);
        resolve(verdict);
      };
      const gone = (code: number | null, signal: string | null): void => {
        clearTimeout(timer);
        this.#child = null;
        const how = signal === "SIGKILL" ? `hangs for ${LONGEST_MS / 1_000} s` : `ended: ${signal ?? code}`;
        resolve({ kind: "died", what: [`the process ${how}`] });
      };
      child.once("message", done);
      child.once("exit", gone);
      child.send(harm);
    });
  }

  close(): void {
    this.#child?.kill();
    this.#child = null;
  }

  #running(): ChildProcess {
    this.#child ??= fork(PROGRAM, [JSON.stringify(this.#specimen), this.#place], {
      execArgv: ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"],
    });
    return this.#child;
  }
}
