import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import { toJournalValue } from "../../core/journal-value.ts";
import type { ToolOutput, UserPart } from "../../core/message.ts";

/** What a model sees of a result. A result that says it is an error is one, of a call that took place. */
export const toOutput = (
  { content, structuredContent, isError }: CallToolResult,
  note?: string,
): ToolOutput => {
  const parts = [
    ...content.map(toPart),
    ...(note === undefined ? [] : [{ type: "text" as const, text: note }]),
  ];
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (isError === true)
    return { type: "error", value: texts.join("\n") || "The tool failed, and did not say why." };
  const hasFiles = texts.length < parts.length;
  // Servers that have structured content are asked to say the same as text, for clients that look at nothing else.
  if (structuredContent !== undefined && !hasFiles && note === undefined)
    return { type: "json", value: toJournalValue(structuredContent).value };
  if (hasFiles) return { type: "content", value: withStructure(parts, structuredContent) };
  return { type: "text", value: texts.join("\n") };
};

const withStructure = (parts: readonly UserPart[], structure: unknown): readonly UserPart[] =>
  structure === undefined ? parts : [...parts, { type: "text", text: JSON.stringify(structure) }];

/** One piece of content, as the journal holds it. */
export const toPart = (block: ContentBlock): UserPart => {
  switch (block.type) {
    case "text":
      return { type: "text", text: block.text };
    case "image":
    case "audio":
      return file(block.mimeType, block.data);
    case "resource":
      return fromResource(block.resource);
    case "resource_link":
      return {
        type: "text",
        text: `[Resource ${block.uri}: ${block.title ?? block.name}${block.description === undefined ? "" : `, ${block.description}`}]`,
      };
  }
};

type Contents = {
  readonly uri: string;
  readonly mimeType?: string | undefined;
  readonly text?: unknown;
  readonly blob?: unknown;
};

/** The contents of a resource: text with its address, or a file. */
export const fromResource = ({ uri, mimeType, text, blob }: Contents): UserPart =>
  typeof blob === "string"
    ? file(mimeType ?? "application/octet-stream", blob)
    : { type: "text", text: `[${uri}]\n${String(text)}` };

const file = (mediaType: string, base64: string): UserPart => ({
  type: "file",
  mediaType,
  data: { kind: "base64", base64 },
});
