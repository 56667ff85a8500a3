import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { MemoryAnswer, MemoryKind, MemoryStore } from "../../ports/memory-store.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { asking, callOf, refusedCall } from "./call-of.ts";
import type { MemoryToolSettings } from "./memory-settings.ts";

type RememberInput = {
  readonly text: string;
  readonly kind?: MemoryKind;
  readonly subject?: string;
  readonly confidence?: number;
  readonly keepDays?: number;
};

/** What became of a call that changes the memory. */
export type MemoryChanged = {
  readonly id: string;
  readonly status: string;
  /** The memory whose place it took. */
  readonly replaced?: string;
};

export const TEXT_SCHEMA = { type: "string", minLength: 1, maxLength: 20_000, pattern: "\\S" };
export const KINDS: readonly MemoryKind[] = ["fact", "preference", "episode", "procedure", "summary"];
const DAY_MS = 86_400_000;

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    text: {
      ...TEXT_SCHEMA,
      description: "One statement that can be understood by itself: names, not pronouns.",
    },
    kind: { enum: KINDS, description: "fact by default." },
    subject: {
      type: "string",
      minLength: 1,
      maxLength: 500,
      pattern: "\\S",
      description:
        'What it is about, for example "home city of Ann". The same subject again takes the place of what was known of it.',
    },
    confidence: { type: "number", minimum: 0, maximum: 1, description: "1 by default." },
    keepDays: {
      type: "integer",
      minimum: 1,
      maximum: 36_500,
      description: "For what is true for a while only.",
    },
  },
  required: ["text"],
  additionalProperties: false,
};

/** Keeps one thing for later sessions. */
export const rememberTool = (
  memory: MemoryStore,
  settings: MemoryToolSettings,
): DefinedTool<RememberInput, MemoryChanged> =>
  defineTool()({
    name: "remember",
    description:
      "Keeps one fact, preference or experience for later conversations. Not for what only matters now, and never for passwords and keys.",
    inputSchema: INPUT_SCHEMA,
    effect: "idempotent",
    ...(settings.needsApproval === undefined ? {} : { needsApproval: settings.needsApproval }),
    // What arrives here has passed the schema.
    execute: (input, context) => remember(memory, settings, { input: input as RememberInput, context }),
  }) as DefinedTool<RememberInput, MemoryChanged>;

const remember = async (
  memory: MemoryStore,
  settings: MemoryToolSettings,
  { input, context }: { readonly input: RememberInput; readonly context: ToolContext },
): Promise<MemoryChanged> => {
  const { viewer, scope, now, source, key } = callOf(context, settings);
  const { text, kind = "fact", subject = null, confidence = 1, keepDays } = input;
  const expiresAt = keepDays === undefined ? null : now + keepDays * DAY_MS;
  const added = { scope, kind, text, subject, confidence, expiresAt, source, origin: "model" as const };
  const [answer] = await asking(() =>
    memory.write({
      by: viewer,
      key,
      now,
      changes: [{ do: "add", memory: { ...added, isTrusted: settings.isTrusted } }],
    }),
  );
  return changed(answer);
};

/** What the model is told. */
export const changed = (answer: MemoryAnswer | undefined): MemoryChanged => {
  switch (answer?.status) {
    case "added":
      return {
        id: answer.id,
        status:
          answer.trust === "trusted"
            ? "remembered"
            : "remembered, for this conversation until somebody promotes it",
      };
    case "superseded":
      return { id: answer.id, status: "remembered", replaced: answer.old };
    case "known":
      return { id: answer.id, status: "known already" };
    case "stale":
      throw refusedCall(`Something newer is known of it, ${answer.id}: recall it, and correct that one.`);
    case "refused":
      throw refusedCall("It is not to be changed by what is not trusted.");
    case "forgotten":
      return { id: answer.ids.at(-1) ?? "", status: "forgotten" };
    default:
      throw refusedCall("There is no such memory: recall it to see its id. It may have been forgotten.");
  }
};
