import type { WhenFailed } from "../../core/undo-terms.ts";
import type { Random } from "./random.ts";

/** In so many of the worlds some tools can undo what they did; the others are as they would be without. */
const SHARE = 1 / 3;

/** How a simulated tool undoes. */
export type UndoKind = { readonly effect: "idempotent" | "write"; readonly canVerify: boolean };

/** Which tools of a world can undo what they did, and how; chance of its own, so that it moves nothing else. */
export class Undos {
  readonly isOn: boolean;
  readonly whenFailed: WhenFailed;
  readonly #kinds: ReadonlyMap<string, UndoKind>;

  constructor(random: Random) {
    this.isOn = random.chance(SHARE);
    this.whenFailed = this.isOn && random.chance(0.15) ? "keep" : "undo";
    this.#kinds = new Map(
      ["pay", "tell", "ship"].flatMap((name): readonly [string, UndoKind][] => {
        const kind: UndoKind = {
          effect: random.pick(["idempotent", "write"]),
          canVerify: random.chance(0.6),
        };
        return random.chance(0.75) ? [[name, kind]] : [];
      }),
    );
  }

  kindOf(tool: string): UndoKind | null {
    return this.isOn ? (this.#kinds.get(tool) ?? null) : null;
  }
}
