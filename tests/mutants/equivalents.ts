/** Mutants in which nothing is broken, each with a reason that a reader can check. */
export type Equivalent = {
  /** Its id, as the tool prints it. */
  readonly id: string;
  readonly reason: string;
  /** Guards that stand behind it: with them gone as well it has to be found, and that is played. */
  readonly together?: readonly string[];
};

export const EQUIVALENTS: readonly Equivalent[] = [];
