import { ModelCallError } from "../../core/errors.ts";
import type { Message, ToolResult, UserMessage } from "../../core/message.ts";
import type { Script, ScriptedStep, ScriptedTurn } from "./script.ts";

type Conversation = {
  readonly index: number;
  readonly system: string | null;
  readonly messages: readonly Message[];
  readonly tools: readonly string[];
};

const lastToolResults = (messages: readonly Message[]): readonly ToolResult[] => {
  const last = messages.at(-1);
  return last?.role === "tool" ? last.results : [];
};

const isUser = (message: Message): message is UserMessage => message.role === "user";

const lastUserText = (messages: readonly Message[]): string => {
  const parts = messages.findLast(isUser)?.content ?? [];
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
};

/** What a script is shown of a conversation. */
export const scriptedTurn = ({ index, system, messages, tools }: Conversation): ScriptedTurn => ({
  index,
  system,
  messages,
  tools,
  toolResults: lastToolResults(messages),
  lastUserText: lastUserText(messages),
});

/**
 * The step a script plays for this turn.
 *
 * @throws ModelCallError MODEL_REQUEST_REJECTED when a list has no step left.
 */
export const stepFor = (script: Script, turn: ScriptedTurn): ScriptedStep => {
  if (typeof script === "function") return script(turn);
  const step = script[turn.index];
  if (step !== undefined) return step;
  const steps = script.length === 1 ? "1 step" : `${script.length} steps`;
  throw new ModelCallError(
    "MODEL_REQUEST_REJECTED",
    `The script has ${steps}; this is call ${turn.index + 1}.`,
    {
      hint: "Add a step, or give scriptedModel a function that computes the step from the conversation.",
    },
  );
};
