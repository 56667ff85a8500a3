import type { Workspace } from "../../ports/tool.ts";
import type { FromHost, ToHost } from "./messages.ts";
import { tell } from "./told-error.ts";

type Ask = FromHost & { readonly kind: "ask" };

/** Does for an isolated tool what it asks of its workspace; what is refused to others is refused to it (S1). */
export const answerAsk = async (
  workspace: Workspace,
  ask: Ask,
): Promise<ToHost & { readonly kind: "answer" }> => {
  try {
    return { kind: "answer", id: ask.id, value: await inWorkspace(workspace, ask), error: null };
  } catch (thrown) {
    return { kind: "answer", id: ask.id, value: null, error: tell(thrown) };
  }
};

const inWorkspace = (workspace: Workspace, { member, args }: Ask): Promise<string | Uint8Array> => {
  const [path, content] = args;
  switch (member) {
    case "path":
      return workspace.path();
    case "resolve":
      return workspace.resolve(String(path));
    case "read":
      return workspace.read(String(path));
    case "write":
      return workspace.write(String(path), content instanceof Uint8Array ? content : String(content));
  }
};
