import type { ToolContext } from "holdfast";
import type { DeskClient } from "../desk-client.ts";
import { textIn } from "../read-json.ts";

/** What the tools are given by whoever makes the runtime. */
export type Deps = {
  readonly desk: DeskClient;
  /** Called when a finding has been filed, before anyone has written it down. */
  readonly onFiled: (finding: {
    readonly sessionId: string;
    readonly number: number;
    readonly title: string;
  }) => Promise<void>;
};

export type StartContext = ToolContext<Deps>;

/** The folder a session works in; part of the session, so that it is the same after a crash. */
export const folderOf = (context: StartContext): string => textIn(context.session.attributes, "folder");

/** Where a session keeps its database, in its workspace. */
export const INDEX_FILE = "index.sqlite";
