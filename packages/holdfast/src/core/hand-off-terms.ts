const PREFIX = "handoff:";

/** The word for handing the session over to an agent, in the policy of a tool and in the rule at a limit. */
export const handsTo = (agent: string): `handoff:${string}` => `${PREFIX}${agent}`;

/** The agent that this word names; null where it is another word. */
export const handedTo = (word: string): string | null =>
  word.startsWith(PREFIX) ? word.slice(PREFIX.length) : null;

/** The agent that a call of this tool hands the session over to; null for any other tool. */
export const handOffTarget = ({ by }: { readonly by: string }): string | null => handedTo(by);

/** How much of the conversation the next agent sees: all of it, or only what it is told. */
export const HISTORIES = ["full", "message"] as const;
export type History = (typeof HISTORIES)[number];
