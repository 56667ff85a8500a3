import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { ConfigurationError } from "../../core/errors.ts";

const CORE = "quickjs-emscripten-core";
const ENGINE = "@jitl/quickjs-wasmfile-release-sync";

/** Node has it; its types do not. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<CompiledQuickJs> };

/** The engine as machine code; threads may share it. */
export type CompiledQuickJs = object;

/** @throws ConfigurationError TOOL_PACKAGE_MISSING when a package is not installed. */
export const loadQuickJs = async (): Promise<CompiledQuickJs> => {
  const { resolve } = createRequire(import.meta.url);
  try {
    // The thread imports it by itself; that it is there is asked here, where it can be told.
    resolve(CORE);
    return await WebAssembly.compile(await readFile(resolve(`${ENGINE}/wasm`)));
  } catch (cause) {
    throw new ConfigurationError(
      "TOOL_PACKAGE_MISSING",
      `The language "javascript" of codeTools needs the packages ${CORE} and ${ENGINE}, which cannot be loaded.`,
      { hint: `Run: npm i ${CORE}@0.32 ${ENGINE}@0.32`, cause },
    );
  }
};
