import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { toFailure } from "../../core/failure.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { codeTools, type CodeToolsOptions } from "./code-tools.ts";
import type { CodeResult } from "./code-result.ts";
import { checkInstalled, trySandbox } from "./find-sandbox.ts";

/** Why nothing can be run in a sandbox on this machine; null when it can. */
export const whyNoSandbox = async (): Promise<string | null> => {
  try {
    checkInstalled(["python", "bash", "node"]);
    await trySandbox();
    return null;
  } catch (thrown) {
    return toFailure(thrown).message;
  }
};

/** The name of a group of tests that need a sandbox: it says why they are left out where there is none. */
export const named = (name: string, why: string | null): string =>
  why === null ? name : `${name} (left out: ${why})`;

type Run = (tool: string, code: string, signal?: AbortSignal) => Promise<CodeResult>;

/** A session's folder, and how code is run in it. */
export type Bench = {
  readonly workspace: string;
  readonly run: Run;
  /** The same for another session, in the same folder. */
  readonly runAs: (session: string) => Run;
  readonly held: () => number;
  /** Of the ways to the network. */
  readonly sockets: () => number;
  readonly rest: (session: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Tools, and a session to use them in. */
export const makeBench = async (options: Partial<CodeToolsOptions> = {}): Promise<Bench> => {
  const workspace = await mkdtemp(join(tmpdir(), "holdfast-code-"));
  // The machine may have other things to do: nothing is stopped by the wall clock that does not ask for it.
  const limits = { timeoutMs: 110_000, ...options.limits };
  const tools = codeTools({ languages: ["bash", "python", "node"], ...options, limits });
  const resource = tools[0]?.resource;
  onTestFinished(async () => {
    await resource?.close();
    // What code makes may be too deep for Node to remove it.
    await promisify(execFile)("rm", ["-rf", workspace]);
  });
  const runAs =
    (session: string): Run =>
    async (name, code, signal = new AbortController().signal) => {
      const context: Partial<ToolContext> = {
        signal,
        session: { id: session } as ToolContext["session"],
        workspace: { path: async () => workspace } as ToolContext["workspace"],
      };
      const tool = tools.find((each) => each.name === name);
      return (await tool?.execute({ code }, context as ToolContext)) as CodeResult;
    };
  return {
    workspace,
    run: runAs("s1"),
    runAs,
    rest: async (session) => {
      await resource?.rest(session);
    },
    held: () => resource?.held()["processes"] ?? 0,
    sockets: () => resource?.held()["sockets"] ?? 0,
    close: async () => {
      await resource?.close();
    },
  };
};
