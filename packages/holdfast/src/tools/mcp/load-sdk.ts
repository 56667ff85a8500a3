import type * as client from "@modelcontextprotocol/client";
import { ConfigurationError } from "../../core/errors.ts";

/** The client of the protocol, as its package exports it. */
export type Sdk = typeof client;

/** @throws ConfigurationError TOOL_PACKAGE_MISSING when the package is not installed. */
export const loadSdk = async (): Promise<Sdk> => {
  try {
    return await import("@modelcontextprotocol/client");
  } catch (cause) {
    throw new ConfigurationError(
      "TOOL_PACKAGE_MISSING",
      "mcpTools needs the package @modelcontextprotocol/client, which cannot be loaded.",
      { hint: "Run: npm i @modelcontextprotocol/client@2", cause },
    );
  }
};
