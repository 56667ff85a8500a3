import { createHash } from "node:crypto";
import type { Tool as ServerTool } from "@modelcontextprotocol/client";
import { canonicalJson } from "../../core/canonical-json.ts";
import { toJournalValue } from "../../core/journal-value.ts";

/** What a model is told of a tool, in one line to compare it by: description and input schema, however they were written. */
export const toolDigest = ({
  description,
  inputSchema,
}: Pick<ServerTool, "description" | "inputSchema">): string => {
  const { value } = toJournalValue({ description: description ?? "", inputSchema });
  return `sha256-${createHash("sha256").update(canonicalJson(value)).digest("hex")}`;
};
