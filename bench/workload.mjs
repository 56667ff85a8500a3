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

/** What every answer is said to have used: told, so that neither model counts. */
export const USED = { input: 100, output: 10 };

/** What the model asks for in a turn; null in the last turn, in which it answers. */
export const callOfTurn = (turn, turns) => (turn < turns - 1 ? { n: turn, why: "it is next" } : null);

/** Which turn it is, by what the model asked for last: it has no memory, and may not see the whole conversation. */
export const turnOf = (messages) => {
  const said = messages.findLast((message) => message.role === "assistant");
  const call = said?.content.find((part) => part.type === "tool-call");
  return call === undefined ? 0 : call.input.n + 1;
};

/** What is said beside the tool call where answers are streamed: so many pieces, one delta each. */
export const PIECES = 200;
export const PIECE = "word ";
export const SPOKEN = PIECE.repeat(PIECES);
