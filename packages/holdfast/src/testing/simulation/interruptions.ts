import type { WhenActive } from "../../core/when-active.ts";
import type { Random } from "./random.ts";

/** In so many of the worlds people interrupt what is going on; the others are as they would be without. */
const SHARE = 1 / 3;

/** Those who change their mind while a run is active: chance of its own, so that it moves nothing else in a world. */
export class Interruptions {
  readonly isOn: boolean;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.isOn = random.chance(SHARE);
  }

  /** What is to become of one more input while a run is active; undefined where its sender says nothing. */
  drawWhenActive(): WhenActive | undefined {
    if (!this.isOn || this.#random.chance(0.4)) return undefined;
    return this.#random.pick(["steer", "steer", "steer", "interrupt", "interrupt", "reject", "queue"]);
  }
}
