const PREFIX = "handoff:";

/** The policy's word for a tool that hands the session over to an agent. */
export const handsTo = (agent: string): `handoff:${string}` => `${PREFIX}${agent}`;

/** The agent that a call of this tool hands the session over to; null for any other tool. */
export const handOffTarget = ({ by }: { readonly by: string }): string | null =>
  by.startsWith(PREFIX) ? by.slice(PREFIX.length) : null;

/** How much of the conversation the next agent sees: all of it, or only what it is told. */
export const HISTORIES = ["full", "message"] as const;
export type History = (typeof HISTORIES)[number];
