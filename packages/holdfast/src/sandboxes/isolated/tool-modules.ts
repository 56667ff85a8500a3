import { registerHooks } from "node:module";
import type { Tool } from "../../ports/tool.ts";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isIsolatedTool = (value: unknown): value is Tool =>
  isRecord(value) &&
  typeof value["name"] === "string" &&
  typeof value["execute"] === "function" &&
  value["isolation"] !== undefined;

/** Tools that a module exports: by themselves, in a list, or as the tools of an agent. */
export const isolatedToolsIn = (exports: unknown): ReadonlyMap<string, Tool> => {
  const values = isRecord(exports) ? Object.values(exports) : [];
  const lists = values.flatMap((value) => (isRecord(value) ? [value, value["tools"]] : [value]));
  const found = lists.flatMap((value): readonly unknown[] => (Array.isArray(value) ? value : [value]));
  return new Map(found.filter(isIsolatedTool).map((tool) => [tool.name, tool]));
};

const OWN_NAME = /^(holdfast|zod)(\/|$)/;

/**
 * Imports the module of a tool. Where this package is installed globally, its name leads nowhere from a user's folder:
 * then it leads to the copy that is at hand, as it does for the command line that loaded the agent.
 */
export const importToolModule = async (url: string): Promise<unknown> => {
  registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return asModule(next(specifier, context));
      } catch (error) {
        if (!OWN_NAME.test(specifier)) throw error;
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
  return (await import(url)) as unknown;
};

/** TypeScript of the user's is a module, whatever the package.json around it says or does not say. */
const asModule = <Found extends { readonly url: string }>(found: Found): Found => {
  const { protocol, pathname } = new URL(found.url);
  const isOwn = protocol === "file:" && pathname.endsWith(".ts") && !pathname.includes("/node_modules/");
  return isOwn ? { ...found, format: "module-typescript" } : found;
};
