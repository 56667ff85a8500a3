/**
 * What becomes of an open run when its process has another definition of the agent than the run began with (S6): it goes on
 * with that (`migrate`), waits for a process that has its own (`pin`), or waits for an operator to say so (`ask`).
 */
export const ON_UPGRADE = ["migrate", "pin", "ask"] as const;
export type OnUpgrade = (typeof ON_UPGRADE)[number];

/** The definition that a run goes on with. */
export type RunDefinition = {
  /** The author's; null where there is none. */
  readonly version: string | null;
  readonly digest: string;
  readonly onUpgrade: OnUpgrade;
  /** Digests of the definitions that it has left behind on an operator's word. */
  readonly left: readonly string[];
};

/**
 * Digests of the parts of a definition, 9 bytes of SHA-256 as base64url each: enough to tell two versions of a part apart, and
 * small in a header. Functions are covered by the author's version.
 */
export type DefinitionParts = {
  /** Null where they are a function. */
  readonly instructions: string | null;
  readonly output: string | null;
  /** Models, limits and settings. */
  readonly rest: string;
  /** Description, input schema and policy of each tool, by its name. */
  readonly tools: { readonly [tool: string]: string };
};
