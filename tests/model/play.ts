/** A reference and the real thing side by side: every step is taken by both, and all that can be seen of them is compared. */
import type { Runtime, Session } from "holdfast";
import { FrontDesk } from "./front-desk.ts";
import { Reference } from "./reference.ts";
import type { GivenDecision, GivenResult, WhenActive } from "./reference-state.ts";
import { viewOf } from "./view.ts";
import { World } from "./world.ts";

export class Disagreement extends Error {}

/** What was said before, so that it can be said again. */
type Said = {
  readonly inputs: Map<string, { readonly text: string; readonly whenActive: WhenActive }>;
  readonly decisions: { readonly n: number; readonly ask: number; readonly decision: GivenDecision }[];
  readonly results: { readonly n: number; readonly result: GivenResult }[];
};

export class Play {
  readonly session: Reference;
  readonly desk: FrontDesk;
  readonly world: World;
  readonly said: Said = { inputs: new Map(), decisions: [], results: [] };
  /** Questions that were ever asked. */
  readonly asked: { readonly n: number; readonly ask: number }[] = [];
  calls = 0;
  readonly log: string[] = [];
  #compared = { prompts: 0, entered: 0, ends: 0 };

  private constructor(world: World) {
    this.world = world;
    this.session = new Reference(world.clock.now());
    this.desk = new FrontDesk(this.session);
  }

  static async open(where: "memory" | "disk", seed: number): Promise<Play> {
    return new Play(await World.open(where, seed));
  }

  /** Whatever was posted quietly is read before anything else happens. */
  async hear(): Promise<void> {
    if (this.session.mail.length === 0) return;
    await this.world.hear();
    this.session.read();
  }

  /** Posts the same to both, and holds the answers against each other. */
  async post(
    { name, isQuiet }: { readonly name: string; readonly isQuiet: boolean },
    expect: (desk: FrontDesk) => string,
    ask: (session: Session, runtime: Runtime) => Promise<string | void>,
  ): Promise<void> {
    if (!isQuiet) await this.hear();
    const expected = expect(this.desk);
    this.log.push(`${name}${isQuiet ? ", quietly" : ""}: ${expected}`);
    const answer = await this.world.ask(isQuiet, ask);
    if (!isQuiet) this.session.read();
    if (answer !== expected) this.#disagree([`answered ${answer}, not ${expected}`]);
    await this.compare();
  }

  /** Something happens in the world, to both. */
  async happen(name: string, expect: (session: Reference) => void, act: () => Promise<void>): Promise<void> {
    await this.hear();
    this.log.push(name);
    expect(this.session);
    await act();
    await this.world.rest();
    await this.compare();
  }

  /** The working process dies, and another takes its place. */
  async die(): Promise<void> {
    this.log.push("process dies");
    this.session.restart();
    await this.world.restart();
    await this.compare();
  }

  async compare(): Promise<void> {
    const { world, session } = this;
    const seen = await world.look();
    const expected = viewOf(session);
    const differences = [
      ...differ(seen, expected),
      ...this.#fresh("ends", world.ends, session.ends),
      ...this.#fresh("prompts", world.outside.prompts, session.prompts),
      ...this.#fresh("entered", world.outside.entered, session.entered),
    ];
    if (differences.length > 0) this.#disagree(differences);
    const { run } = session;
    for (const call of run?.calls ?? []) {
      if (call.status !== "held" || call.approval === null || call.stopping !== "no") continue;
      const { n } = call;
      const { ask } = call.approval;
      if (!this.asked.some((one) => one.n === n && one.ask === ask)) this.asked.push({ n, ask });
    }
  }

  /** Whoever holds a handle is told how its run ended, or that which it joined. */
  async finish(): Promise<void> {
    await this.hear();
    for (let index = 1; index <= this.desk.runs; index += 1) {
      const name = `r${index}`;
      const expected = this.session.outcomeOf(name);
      const told = await this.world.outcomeOf(name);
      if (told !== expected) this.#disagree([`the handle of ${name} says ${told}, not ${expected}`]);
    }
  }

  #fresh(
    what: "prompts" | "entered" | "ends",
    seen: readonly string[],
    expected: readonly string[],
  ): readonly string[] {
    const from = this.#compared[what];
    this.#compared[what] = expected.length;
    // Which of two that start together is entered first is nobody's business.
    const lines = (all: readonly string[]): readonly string[] => {
      const fresh = all.slice(from).map((line) => `${what}: ${line}`);
      return what === "entered" ? fresh.toSorted() : fresh;
    };
    return differ(lines(seen), lines(expected));
  }

  #disagree(differences: readonly string[]): never {
    throw new Disagreement(
      [...this.log.map((line, index) => `${index + 1}. ${line}`), ...differences].join("\n"),
    );
  }
}

/** Lines that only one of the two has; all of them where only their order differs. */
const differ = (seen: readonly string[], expected: readonly string[]): readonly string[] => {
  if (seen.length === expected.length && seen.every((line, index) => line === expected[index])) return [];
  const more = seen.filter((line) => !expected.includes(line)).map((line) => `  is:       ${line}`);
  const less = expected.filter((line) => !seen.includes(line)).map((line) => `  expected: ${line}`);
  const both = [...more, ...less];
  return both.length > 0 ? both : [`  is:       ${seen.join(" | ")}`, `  expected: ${expected.join(" | ")}`];
};
