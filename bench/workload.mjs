/** The work that every peer does: the same tool, the same input schema, the same answers. */
import { z } from "zod";

export const INSTRUCTIONS = "You look things up, one at a time.";
export const QUESTION = "Look at everything there is, then say that you are done.";
export const TOOL_NAME = "look";
export const TOOL_DESCRIPTION = "Looks at one thing by its number.";
export const ANSWER = "done";

/** What the tool gives back: 1 KB. */
export const RESULT = "x".repeat(1024);

export const lookInput = z.object({ n: z.number().int().min(0), why: z.string().max(200) });

/** What the model asks for in a turn; null in the last turn, in which it answers. */
export const callOfTurn = (turn, turns) => (turn < turns - 1 ? { n: turn, why: "it is next" } : null);

/** How the model counts its turns: from the prompt it is handed, like a model that has no memory. */
export const countAnswers = (messages) => {
  let count = 0;
  for (const message of messages) if (message.role === "assistant") count += 1;
  return count;
};
