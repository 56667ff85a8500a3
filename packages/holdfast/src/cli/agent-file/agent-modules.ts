import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ownManifestPath } from "../printing/own-package.ts";

type Resolved = { readonly url: string };

const OWN_ROOT = new URL("./", pathToFileURL(ownManifestPath())).href;
const OWN_NAME = /^(holdfast|zod)(\/|$)/;
const QUERY = "holdfast";

/**
 * Imports an agent file and what it imports of the user's own, afresh each time. Files of packages are
 * loaded once, as ever. Hooks see every import of the process, so they act only on those that descend
 * from the agent file.
 */
export class AgentModules {
  /** Local files of the last load, the agent file among them. */
  readonly files = new Set<string>();
  readonly #own = new Set<string>();
  readonly #stop: () => void;
  #load = 0;

  constructor() {
    const hooks = registerHooks({
      resolve: (specifier, context, next) => {
        if (!this.#own.has(context.parentURL ?? "") && !this.#own.has(specifier))
          return next(specifier, context);
        try {
          return this.#mark(next(specifier, context));
        } catch (error) {
          // Installed globally, or by a package manager that hides what we depend on: ours are at hand.
          if (OWN_NAME.test(specifier)) return next(specifier, { ...context, parentURL: import.meta.url });
          throw error;
        }
      },
    });
    this.#stop = () => hooks.deregister();
  }

  /** Everything the file exports. What its code throws passes through. */
  async import(path: string): Promise<Readonly<Record<string, unknown>>> {
    this.#load += 1;
    this.files.clear();
    const entry = pathToFileURL(path).href;
    this.#own.add(entry);
    const exports: unknown = await import(entry);
    return typeof exports === "object" && exports !== null ? { ...exports } : {};
  }

  close(): void {
    this.#stop();
  }

  #mark<Found extends Resolved>(found: Found): Found {
    const { url } = found;
    if (!url.startsWith("file:") || url.includes("/node_modules/") || url.startsWith(OWN_ROOT)) return found;
    this.files.add(fileURLToPath(url));
    const fresh = new URL(url);
    if (this.#load > 1) fresh.searchParams.set(QUERY, String(this.#load));
    this.#own.add(fresh.href);
    // An agent file is a module, whatever the package.json around it says or does not say.
    const format = fresh.pathname.endsWith(".ts") ? { format: "module-typescript" } : {};
    return { ...found, url: fresh.href, ...format };
  }
}
