import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { fileFailure } from "./file-failure.ts";
import type { FileSettings } from "./files-settings.ts";
import { checkDepth, locate, nameOf, openParent } from "./locate.ts";
import { checkQuota } from "./quota.ts";
import { replaceFile } from "./replace-file.ts";
import type { Turns } from "../../definitions/turns.ts";

type WriteInput = { readonly path: string; readonly content: string };

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string", description: "Folders on the way are made." },
    content: { type: "string", description: "All of the file; what was there before is replaced." },
  },
  required: ["path", "content"],
  additionalProperties: false,
};

/** Writes a file of the workspace. Written twice, it is the same: the effect is `idempotent`. */
export const writeFileTool = (settings: FileSettings, turns: Turns): DefinedTool<WriteInput, string> =>
  defineTool()({
    name: "write_file",
    description: "Writes a text file of the workspace, whole, in place of what was there.",
    inputSchema: INPUT_SCHEMA,
    effect: "idempotent",
    ...approvalOf(settings),
    // What arrives here has passed the schema.
    execute: (input, context) =>
      turns(context.session.id, () => write(input as WriteInput, context, settings)),
  }) as DefinedTool<WriteInput, string>;

/** The rule for tools that write, as a definition takes it. */
export const approvalOf = ({
  needsApproval,
}: FileSettings): { readonly needsApproval?: ApprovalRule<unknown> } => {
  if (needsApproval === undefined) return {};
  if (typeof needsApproval !== "function") return { needsApproval };
  return { needsApproval: (input, context) => needsApproval(input as { readonly path: string }, context) };
};

const write = async (
  { path, content }: WriteInput,
  context: ToolContext,
  settings: FileSettings,
): Promise<string> => {
  const { signal, idempotencyKey: key } = context;
  try {
    signal.throwIfAborted();
    const place = await locate(context, path);
    const name = nameOf(place);
    checkDepth(place);
    const bytes = Buffer.byteLength(content);
    await checkQuota({ base: place.base, path: place.shown, bytes, signal }, settings);
    await using folder = await openParent(place, true);
    signal.throwIfAborted();
    await replaceFile({ base: place.base, folder, name, content, key });
    return `Wrote ${bytes} bytes to ${place.shown}.`;
  } catch (thrown) {
    throw fileFailure(thrown, path);
  }
};
