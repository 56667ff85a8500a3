import { ToolError } from "../../core/errors.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { OpenFolder } from "../../definitions/open-folder.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { openEditRecords, type EditRecord, type EditRecords } from "./edit-record.ts";
import { fileFailure, notDone } from "./file-failure.ts";
import { readWhole, toExactText } from "./file-text.ts";
import type { FileSettings } from "./files-settings.ts";
import { locate, nameOf, openParent, type Place } from "./locate.ts";
import { checkQuota } from "./quota.ts";
import { digestOf, replaceFile } from "./replace-file.ts";
import type { Turns } from "../../definitions/turns.ts";
import { approvalOf } from "./write-file.ts";

type EditInput = {
  readonly path: string;
  readonly old: string;
  readonly new: string;
  readonly all?: boolean;
};

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string" },
    old: {
      type: "string",
      minLength: 1,
      description: "Text of the file, exactly as it is there. It has to be there once.",
    },
    new: { type: "string", description: "What to put in its place." },
    all: { type: "boolean", description: "Whether to replace it everywhere. False by default." },
  },
  required: ["path", "old", "new"],
  additionalProperties: false,
};

/**
 * Replaces text in a file of the workspace. What an edit makes of the file is noted, durably, before it is made, under the call's
 * key: another attempt of the call sees whether the edit took place, and makes it only when it did not. So the effect is `idempotent`.
 */
export const editFileTool = (settings: FileSettings, turns: Turns): DefinedTool<EditInput, string> =>
  defineTool()({
    name: "edit_file",
    description: "Replaces text in a file of the workspace by other text. Read the file first.",
    inputSchema: INPUT_SCHEMA,
    effect: "idempotent",
    ...approvalOf(settings),
    // What arrives here has passed the schema.
    execute: (input, context) => turns(context.session.id, () => edit(input as EditInput, context, settings)),
  }) as DefinedTool<EditInput, string>;

const edit = async (input: EditInput, context: ToolContext, settings: FileSettings): Promise<string> => {
  try {
    context.signal.throwIfAborted();
    if (input.old === input.new) throw notDone("Old and new text are the same.");
    const place = await locate(context, input.path);
    await using folder = await openParent(place);
    const bytes = await readWhole(folder, nameOf(place), settings.maxFileBytes);
    if (bytes === null)
      throw notDone(`"${place.shown}" is longer than ${settings.maxFileBytes} bytes, and is not edited.`);
    await using records = await openEditRecords(place.base);
    const earlier = await earlierAttempt(records, { key: context.idempotencyKey, now: digestOf(bytes) });
    return earlier ?? (await apply({ input, context, settings, place, folder, records, bytes }));
  } catch (thrown) {
    throw fileFailure(thrown, input.path);
  }
};

type Asked = { readonly key: string; readonly now: string };

/** What an earlier attempt of the same call came to; null when there was none, or it did not come to the edit. */
const earlierAttempt = async (records: EditRecords, { key, now }: Asked): Promise<string | null> => {
  const record = await records.find(key);
  if (record === null || record.before === now) return null;
  if (record.after === now || (await records.hasBegunFrom(record.path, record.after))) return told(record);
  throw new ToolError(
    "An earlier attempt of this edit was interrupted, and the file has changed since. Read it to see whether the edit is in it.",
    { retryable: false },
  );
};

const told = ({ path, count }: EditRecord): string =>
  `Replaced ${count} ${count === 1 ? "place" : "places"} in ${path}.`;

type Edit = {
  readonly input: EditInput;
  readonly context: ToolContext;
  readonly settings: FileSettings;
  readonly place: Place;
  readonly folder: OpenFolder;
  readonly records: EditRecords;
  readonly bytes: Buffer;
};

const apply = async ({ input, context, settings, place, folder, records, bytes }: Edit): Promise<string> => {
  const { signal, idempotencyKey: key } = context;
  const { base, shown: path } = place;
  const { text, count } = replaced(toExactText(bytes, path), input);
  const content = Buffer.from(text);
  await checkQuota({ base, path, bytes: content.length, signal }, settings);
  const record: EditRecord = { path, before: digestOf(bytes), after: digestOf(content), count };
  await records.add(key, record);
  signal.throwIfAborted();
  await replaceFile({ base, folder, name: nameOf(place), content, key });
  return told(record);
};

const replaced = (text: string, input: EditInput): { readonly text: string; readonly count: number } => {
  const parts = text.split(input.old);
  const count = parts.length - 1;
  if (count === 0)
    throw notDone(
      `The old text is not in "${input.path}". Read the file again: it has to be given exactly as it is there.`,
    );
  if (count > 1 && input.all !== true) {
    throw notDone(
      `The old text is ${count} times in "${input.path}". Give more of what stands around it, or say all: true.`,
    );
  }
  return { text: parts.join(input.new), count };
};
