import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import { fetchTool, type Lookup } from "holdfast/tools";

export const defineReader = (model: ModelChoice): AgentDefinition => {
  // #region reader
  const reader = defineAgent({
    name: "reader",
    model,
    instructions: "Answer from the pages you fetch, and name them.",
    tools: [fetchTool()],
  });
  // #endregion reader
  return reader;
};

type Wiki = {
  /** Name and port: `wiki.internal.example:8080`. */
  readonly wiki: string;
  readonly lookup: Lookup;
};

/** An agent that reads the wiki of the house and one site outside, and nothing else. */
export const defineWikiReader = (model: ModelChoice, { wiki, lookup }: Wiki): AgentDefinition => {
  // #region allow
  const fetchWiki = fetchTool({
    name: "fetch_wiki",
    allow: [wiki], // "wiki.internal.example:8080"
    allowHosts: [wiki, "*.example.org"],
    deny: ["private.example.org"],
    maxBytes: 500_000,
    maxChars: 10_000,
    otherTypes: "save",
    lookup, // your own name server; the system's resolver by default
  });
  // #endregion allow
  return defineAgent({
    name: "wiki-reader",
    model,
    instructions: "Answer from the wiki.",
    tools: [fetchWiki],
  });
};
