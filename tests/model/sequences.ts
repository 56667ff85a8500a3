/** Plays random sequences and, where the two disagree, looks for a shorter one that shows it. */
import fc from "fast-check";
import { Coverage } from "./coverage.ts";
import { Disagreement, Play } from "./play.ts";
import { Dice, STEP_KINDS, type StepKind } from "./steps.ts";

type Both = { readonly play: Play };
type Tally = { readonly coverage: Coverage; steps: number; sequences: number };

class Step implements fc.AsyncCommand<Both, Tally> {
  readonly #kind: StepKind;
  readonly #numbers: readonly number[];

  constructor(kind: StepKind, numbers: readonly number[]) {
    this.#kind = kind;
    this.#numbers = numbers;
  }

  /** What is of little interest in a state is mostly left out there, so that others are reached. */
  check({ play }: Readonly<Both>): boolean {
    const isKept = isInteresting(this.#kind, play) || (this.#numbers.at(-1) ?? 0) % 4 === 0;
    return isKept && this.#kind.can(play);
  }

  async run({ play }: Both, tally: Tally): Promise<void> {
    const dice = new Dice(this.#numbers);
    const isQuiet = this.#kind.isSignal && dice.below(4) === 0;
    tally.steps += 1;
    tally.coverage.note(this.#kind.name, play.session);
    await this.#kind.take(play, dice, isQuiet);
  }

  toString(): string {
    return this.#kind.name;
  }
}

/** Where nothing is under way, what begins something; where the model is asked, what it answers. */
const isInteresting = ({ name, isSignal }: StepKind, { session, world }: Play): boolean => {
  if (session.run === null) return name.startsWith("send") || (session.isPaused && name === "resume");
  if (world.outside.answer !== null) return name === "model ends";
  return isSignal ? name !== "pause" && !name.startsWith("cancel ") : name !== "process dies";
};

const stepOf = (kind: StepKind): { readonly arbitrary: fc.Arbitrary<Step>; readonly weight: number } => ({
  weight: kind.weight,
  arbitrary: fc
    .array(fc.nat(9_999), { minLength: 8, maxLength: 8 })
    .map((numbers) => new Step(kind, numbers)),
});

/** Kinds as often as they weigh, in one list: each command is drawn from a list of them at random. */
const COMMANDS = STEP_KINDS.flatMap((kind) => {
  const { arbitrary, weight } = stepOf(kind);
  return Array.from({ length: weight }, () => arbitrary);
});

/** Commands of a sequence, of which about half can be taken. */
const LONGEST = 100;

export type PlayOptions = {
  readonly seed: number;
  readonly steps: number;
  readonly where: "memory" | "disk";
  /** Whether a shorter sequence is looked for. */
  readonly isShrunk?: boolean;
  /** Told from time to time that something is played. */
  readonly onProgress?: (steps: number) => void;
};

export type Played = {
  readonly steps: number;
  readonly sequences: number;
  readonly coverage: Coverage;
  /** The shortest sequence in which they disagree; null when they never do. */
  readonly disagreement: string | null;
};

const playOne = async (
  commands: Iterable<fc.AsyncCommand<Both, Tally>>,
  where: "memory" | "disk",
  tally: Tally,
) => {
  const play = await Play.open(where, 1);
  tally.sequences += 1;
  try {
    await fc.asyncModelRun(() => ({ model: { play }, real: tally }), commands);
    await play.finish();
  } finally {
    await play.world.close();
  }
};

const whatWasThrown = (thrown: unknown): string => {
  if (thrown instanceof Disagreement) return thrown.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
};

export const playSequences = async ({
  seed,
  steps,
  where,
  isShrunk = true,
  onProgress,
}: PlayOptions): Promise<Played> => {
  const tally: Tally = { coverage: new Coverage(), steps: 0, sequences: 0 };
  const arbitrary = fc.commands(COMMANDS, { maxCommands: LONGEST, size: "max" });
  for (let round = 0; tally.steps < steps; round += 1) {
    const property = fc.asyncProperty(arbitrary, (commands) => playOne(commands, where, tally));
    const details = await fc.check(property, {
      seed: seed + round,
      numRuns: where === "disk" ? 10 : 50,
      unbiased: true,
      endOnFailure: !isShrunk,
    });
    onProgress?.(tally.steps);
    if (details.failed) return { ...tally, disagreement: whatWasThrown(details.errorInstance) };
  }
  return { ...tally, disagreement: null };
};
