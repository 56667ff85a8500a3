/** Tools that keep a word of the session in every place a tool has, and give back what they find there. */
import { defineTool, type ToolContext } from "holdfast";
import { z } from "zod";

const inputSchema = z.object({ word: z.string(), turn: z.number() });

const keep = async (word: string, ctx: ToolContext): Promise<object> => {
  const { session, workspace, log, progress, secret } = ctx;
  await workspace.write(`notes/${session.id}.txt`, word);
  await workspace.write("note.txt", word);
  log.info(`keeping ${word}`, { word, user: session.user });
  progress(`kept ${word}`);
  const file = Buffer.from(await workspace.read("note.txt")).toString();
  return { file, session, tells: secret(`KEY_OF ${word}`) };
};

/** Thousands at once wait long for their turn; nothing here is about time. */
const LONG_MS = 3_600_000;

export const keepHere = defineTool()({
  name: "keep_here",
  description: "Keeps a word.",
  inputSchema,
  effect: "write",
  timeoutMs: LONG_MS,
  execute: ({ word }, ctx) => keep(word, ctx),
});

export const keepApart = defineTool()({
  name: "keep_apart",
  description: "Keeps a word, in a thread.",
  inputSchema,
  effect: "read",
  timeoutMs: LONG_MS,
  isolated: { module: import.meta.url },
  execute: ({ word }, ctx) => keep(word, ctx),
});
