import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";

/** What tools for files may do. */
export type FileToolsOptions = {
  /** True for `list_files`, `read_file` and `search_files` alone. */
  readonly readOnly?: boolean;
  /** Longest file that is written, edited, searched, or read by lines, in bytes; 5,000,000 by default. */
  readonly maxFileBytes?: number;
  /** All files of a workspace together, in bytes; a write beyond it is refused. 500,000,000 by default. */
  readonly maxWorkspaceBytes?: number;
  /** Most files and folders that are listed, searched, or may be there when another is written; 10,000 by default. */
  readonly maxEntries?: number;
  /** Longest answer, in characters; 40,000 by default. */
  readonly maxChars?: number;
  /** For `write_file` and `edit_file`. */
  readonly needsApproval?: ApprovalRule<{ readonly path: string }>;
};

/** The options, resolved. */
export type FileSettings = {
  readonly isReadOnly: boolean;
  readonly maxFileBytes: number;
  readonly maxWorkspaceBytes: number;
  readonly maxEntries: number;
  readonly maxChars: number;
  readonly needsApproval: ApprovalRule<{ readonly path: string }> | undefined;
};

const KNOWN = ["readOnly", "maxFileBytes", "maxWorkspaceBytes", "maxEntries", "maxChars", "needsApproval"];
const OWNER = "fileTools";

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveFileOptions = (options: FileToolsOptions): FileSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const number = (name: "maxFileBytes" | "maxWorkspaceBytes" | "maxEntries" | "maxChars", usual: number) =>
    positiveInteger(OWNER, name, options[name] ?? usual);
  return {
    isReadOnly: options.readOnly === true,
    maxFileBytes: number("maxFileBytes", 5_000_000),
    maxWorkspaceBytes: number("maxWorkspaceBytes", 500_000_000),
    maxEntries: number("maxEntries", 10_000),
    maxChars: number("maxChars", 40_000),
    needsApproval: options.needsApproval,
  };
};
