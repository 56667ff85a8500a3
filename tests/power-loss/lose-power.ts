import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Claims } from "./claims.ts";
import { LOSSES, type Loss, type Random, randomFrom, writeImage } from "./crash-image.ts";
import { Disk } from "./disk.ts";
import { judge } from "./judge.ts";
import type { Scenario } from "./scenarios.ts";
import { readTrace, startTraced, type Step } from "./trace.ts";
import { parseLines } from "./witness.ts";

export type Result = {
  readonly calls: number;
  readonly syncs: number;
  readonly acknowledgements: number;
  readonly moments: number;
  readonly images: number;
  readonly failing: number;
  readonly byLoss: ReadonlyMap<Loss, number>;
  readonly problems: readonly string[];
  readonly seconds: number;
};

type Options = {
  readonly most: number;
  readonly seed: number;
  /** Where the traced program is; a copy with a planted fault, for instance. */
  readonly workload?: string;
  readonly stopAtFirst?: boolean;
};

const WORKLOAD = fileURLToPath(new URL("./workload.ts", import.meta.url));

/** In memory where there is such a place: syncs cost nothing there, and the trace is the same. */
const makePlace = (): string =>
  mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-power-"));

/** Runs a scenario once, then looks at what it may have left at every moment. */
export const losePower = async (scenario: Scenario, options: Options): Promise<Result> => {
  const place = makePlace();
  try {
    await trace(scenario, place, options.workload ?? WORKLOAD);
    const moments = await findMoments(place);
    return await new Examination(place, options, moments).run();
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
};

const trace = async ({ plans }: Scenario, place: string, workload: string): Promise<void> => {
  mkdirSync(join(place, "disk"));
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"];
  const commands = plans.map((plan, index) => {
    const name = String.fromCodePoint(65 + index);
    const args = [
      ...node,
      workload,
      join(place, "disk/data"),
      join(place, "witness"),
      name,
      JSON.stringify(plan),
    ];
    return args.map((arg) => `'${arg}'`).join(" ");
  });
  const child = startTraced(["sh", "-c", `${commands.join(" & ")} & wait`], join(place, "trace"));
  const [code] = await once(child, "exit");
  if (code !== 0) throw new TypeError(`The traced program ended with ${String(code)}.`);
};

/** A moment of the trace, by its step, at which the power may go. */
type Moment = { readonly step: number; readonly weight: number };

const isOf = (place: string, step: Step): boolean =>
  (step.kind === "rename" ? step.to : step.path).startsWith(`${place}/disk/`);

/** How much there is to learn at each step: most just before a sync, when the most can be lost. */
const findMoments = async (place: string): Promise<Moment[]> => {
  const moments: Moment[] = [];
  let index = 0;
  for await (const step of readTrace(join(place, "trace"))) {
    index += 1;
    if (step.kind === "write" && step.path === `${place}/witness`) moments.push({ step: index, weight: 2 });
    else if (!isOf(place, step) || step.kind === "open") continue;
    else if (step.kind === "sync") moments.push({ step: index, weight: step.moment === "begin" ? 5 : 1 });
    else moments.push({ step: index, weight: step.kind === "write" ? 0.5 : step.kind === "remove" ? 20 : 4 });
  }
  return moments;
};

class Examination {
  readonly #place: string;
  readonly #options: Options;
  readonly #weights: ReadonlyMap<number, number>;
  readonly #random: Random;
  readonly #disk: Disk;
  readonly #claims = new Claims();
  readonly #byLoss = new Map<Loss, number>();
  readonly #problems: string[] = [];
  readonly #seen = new Set<string>();
  readonly #each: number;
  #witness = "";
  #moments = 0;
  #images = 0;
  #failing = 0;

  constructor(place: string, options: Options, moments: readonly Moment[]) {
    this.#place = place;
    this.#options = options;
    this.#weights = new Map(moments.map(({ step, weight }) => [step, weight]));
    this.#random = randomFrom(options.seed);
    this.#disk = new Disk(`${place}/disk`);
    const total = moments.reduce((sum, { weight }) => sum + weight, 0);
    this.#each = options.most / total;
  }

  async run(): Promise<Result> {
    const began = performance.now();
    let steps = 0;
    let syncs = 0;
    for await (const step of readTrace(join(this.#place, "trace"))) {
      steps += 1;
      if (step.kind === "write" && step.path === `${this.#place}/witness`) this.#hear(step.data);
      else this.#disk.take(step);
      if (step.kind === "sync" && step.moment === "end" && isOf(this.#place, step)) syncs += 1;
      this.#look(steps);
      if (this.#failing > 0 && this.#options.stopAtFirst === true) break;
    }
    return {
      calls: this.#weights.size,
      syncs,
      acknowledgements: this.#claims.version,
      moments: this.#moments,
      images: this.#images,
      failing: this.#failing,
      byLoss: this.#byLoss,
      problems: this.#problems,
      seconds: Math.round((performance.now() - began) / 1_000),
    };
  }

  #hear(data: Buffer): void {
    this.#witness += data.toString();
    const end = this.#witness.lastIndexOf("\n") + 1;
    for (const line of parseLines(this.#witness.slice(0, end))) this.#claims.take(line);
    this.#witness = this.#witness.slice(end);
  }

  #look(step: number): void {
    const weight = this.#weights.get(step);
    if (weight === undefined) return;
    this.#moments += 1;
    const wanted = weight * this.#each;
    const count = Math.floor(wanted) + (this.#random() < wanted % 1 ? 1 : 0);
    for (let image = 0; image < count; image += 1) {
      // The two extremes where there is room for several, else any.
      const at = count > 2 && image < 2 ? image : Math.floor(this.#random() * LOSSES.length);
      this.#judge(step, LOSSES[at] ?? "none");
    }
  }

  #judge(step: number, loss: Loss): void {
    const isFixed = loss === "none" || loss === "all";
    const version = loss === "none" ? this.#disk.durableVersion : this.#disk.version;
    const key = `${loss} ${version} ${this.#claims.version}`;
    if (isFixed && this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#images += 1;
    this.#byLoss.set(loss, (this.#byLoss.get(loss) ?? 0) + 1);
    const target = join(this.#place, "image");
    writeImage(this.#disk.root, target, { loss, random: this.#random });
    const problems = judge(join(target, "data"), this.#claims);
    if (problems.length === 0) return;
    this.#failing += 1;
    this.#problems.push(`step ${step}, ${loss}: ${problems.slice(0, 3).join("; ")}`);
  }
}
