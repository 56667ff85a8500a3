import type { NewArtifact, SavedArtifact } from "../../ports/artifacts.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { FromHost, ToHost } from "./messages.ts";
import { tell } from "./told-error.ts";

type Ask = FromHost & { readonly kind: "ask" };

/** Does for an isolated tool what it asks of its workspace, and saves its files; what is refused to others is refused to it (S1). */
export const answerAsk = async (
  context: Pick<ToolContext, "workspace" | "artifacts">,
  ask: Ask,
): Promise<ToHost & { readonly kind: "answer" }> => {
  try {
    return { kind: "answer", id: ask.id, value: await answerTo(context, ask), error: null };
  } catch (thrown) {
    return { kind: "answer", id: ask.id, value: null, error: tell(thrown) };
  }
};

const answerTo = (
  { workspace, artifacts }: Pick<ToolContext, "workspace" | "artifacts">,
  { member, args }: Ask,
): Promise<string | Uint8Array | SavedArtifact> => {
  const [path, content] = args;
  switch (member) {
    case "path":
      return workspace.path();
    case "resolve":
      return workspace.resolve(String(path));
    case "read":
      return workspace.read(String(path), typeof content === "number" ? { maxBytes: content } : {});
    case "write":
      return workspace.write(String(path), content instanceof Uint8Array ? content : String(content));
    case "save":
      return artifacts.save(readFile(path));
  }
};

/** As it came across; what it says is checked where it is saved. */
const readFile = (file: unknown): NewArtifact =>
  (typeof file === "object" && file !== null ? file : {}) as NewArtifact;
