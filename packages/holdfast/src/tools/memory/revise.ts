import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { MemoryChange, MemoryRecord, MemoryStore } from "../../ports/memory-store.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { asking, callOf, type MemoryCall, refusedCall } from "./call-of.ts";
import type { MemoryToolSettings } from "./memory-settings.ts";
import { changed, type MemoryChanged, TEXT_SCHEMA } from "./remember.ts";

type CorrectInput = { readonly id: string; readonly text: string; readonly hasChanged?: boolean };
type ForgetInput = { readonly id: string };

const ID_SCHEMA = { type: "string", minLength: 1, maxLength: 100, description: "As `recall` tells it." };

/** Puts a memory right; what it said before stays in its history. */
export const correctTool = (
  memory: MemoryStore,
  settings: MemoryToolSettings,
): DefinedTool<CorrectInput, MemoryChanged> =>
  defineTool()({
    name: "correct",
    description: "Puts right what is remembered: because it was wrong, or because it has changed since.",
    inputSchema: {
      type: "object",
      properties: {
        id: ID_SCHEMA,
        text: { ...TEXT_SCHEMA, description: "The whole statement, as it is right." },
        hasChanged: { type: "boolean", description: "True when it was right until now; false by default." },
      },
      required: ["id", "text"],
      additionalProperties: false,
    },
    effect: "idempotent",
    ...(settings.needsApproval === undefined ? {} : { needsApproval: settings.needsApproval }),
    execute: (given, context) => {
      // What arrives here has passed the schema.
      const { id, text, hasChanged = false } = given as CorrectInput;
      const { source } = callOf(context, settings);
      const revision = { id, text, source, origin: "model" as const, isTrusted: settings.isTrusted };
      const change: MemoryChange = { do: hasChanged ? "supersede" : "correct", ...revision };
      return revise(memory, settings, { id, change, context });
    },
  }) as DefinedTool<CorrectInput, MemoryChanged>;

/** Removes a memory, with what it said before. */
export const forgetTool = (
  memory: MemoryStore,
  settings: MemoryToolSettings,
): DefinedTool<ForgetInput, MemoryChanged> =>
  defineTool()({
    name: "forget",
    description:
      "Removes what is remembered, for good: when somebody asks for it, or it should never have been kept.",
    inputSchema: {
      type: "object",
      properties: { id: ID_SCHEMA },
      required: ["id"],
      additionalProperties: false,
    },
    effect: "idempotent",
    ...(settings.needsApproval === undefined ? {} : { needsApproval: settings.needsApproval }),
    execute: (given, context) => {
      const { id } = given as ForgetInput;
      return revise(memory, settings, { id, change: { do: "forget", id }, context });
    },
  }) as DefinedTool<ForgetInput, MemoryChanged>;

type Revising = { readonly id: string; readonly change: MemoryChange; readonly context: ToolContext };

const revise = async (
  memory: MemoryStore,
  settings: MemoryToolSettings,
  { id, change, context }: Revising,
): Promise<MemoryChanged> => {
  const call = callOf(context, settings);
  const record = await asking(() => memory.get(call.viewer, id));
  if (record !== undefined && !isOwn(record, call))
    throw refusedCall("This memory is not only of this conversation's user, and is not changed from here.");
  // One that is gone may have gone by this very call: its key tells.
  const batch = { by: call.viewer, key: call.key, now: call.now, changes: [change] };
  const [answer] = await asking(() => memory.write(batch));
  return changed(answer);
};

/** What is seen may be of others as well: everybody of the tenant reads it, and one of them alone does not change it. */
const isOwn = ({ scope }: MemoryRecord, call: MemoryCall): boolean =>
  scope.user === call.scope.user &&
  scope.agent === call.scope.agent &&
  scope.namespace === call.scope.namespace &&
  (scope.session === null ? call.scope.session === null : scope.session === call.viewer.session);
