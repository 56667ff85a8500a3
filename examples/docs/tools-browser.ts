import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import { browserTools, type BrowserToolsOptions } from "holdfast/tools";

/** Where the browser of this machine is, and what else differs from machine to machine. */
type Machine = Pick<BrowserToolsOptions, "executablePath" | "lookup">;

export const defineReader = (model: ModelChoice, machine: Machine): AgentDefinition => {
  // #region reader
  const reader = defineAgent({
    name: "reader",
    model,
    instructions: "Answer from the pages you open, and name them.",
    tools: browserTools({ ...machine, tools: ["open", "snapshot", "click", "back", "wait"] }),
  });
  // #endregion reader
  return reader;
};

/** An agent that orders from one shop, and asks before it clicks. `shop` is `shop.example.com:8443`. */
export const defineBuyer = (
  model: ModelChoice,
  machine: Machine & { readonly shop: string },
): AgentDefinition => {
  const { shop, ...more } = machine;
  // #region buyer
  const buyer = defineAgent({
    name: "buyer",
    model,
    instructions: "Order what you are asked for. Log in as clerk, with the secret SHOP_PASSWORD.",
    tools: browserTools({
      ...more, // { executablePath: "/usr/bin/chromium" }
      allow: [shop], // inside: not on the public internet
      allowHosts: [shop], // and nothing else
      secrets: { SHOP_PASSWORD: [shop] },
      needsApproval: { click: true },
    }),
  });
  // #endregion buyer
  return buyer;
};
