import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import { sqlTools } from "holdfast/tools";

/** An analyst that may look at orders and at the names of customers, and at nothing else. */
export const defineAnalyst = (model: ModelChoice, file: string): AgentDefinition => {
  // #region analyst
  const analyst = defineAgent({
    name: "analyst",
    model,
    instructions: "Answer questions about our orders. Look at the schema first.",
    tools: sqlTools(
      { sqlite: file },
      { name: "shop", tables: ["orders", { name: "customers", columns: ["id", "name"] }], maxRows: 100 },
    ),
  });
  // #endregion analyst
  return analyst;
};

/** A clerk of a Postgres database, whose role may change orders. */
export const defineClerk = (model: ModelChoice, url: string): AgentDefinition => {
  // #region clerk
  const clerk = defineAgent({
    name: "clerk",
    model,
    instructions: "Correct orders that customers complain about.",
    tools: sqlTools({ postgres: url }, { name: "shop", write: true, timeoutMs: 5_000 }),
  });
  // #endregion clerk
  return clerk;
};

/** What an owner grants in MySQL or MariaDB, and the tools that hold the user to it. */
export const makeShopTools = (url: string) => {
  // #region grants
  const owner = `
    CREATE USER assistant IDENTIFIED BY '…';
    GRANT SELECT ON shop.orders TO assistant;
    GRANT SELECT (id, name) ON shop.customers TO assistant;
  `;
  const tables = ["orders", { name: "customers", columns: ["id", "name"] }];
  const tools = sqlTools({ mysql: url }, { name: "shop", tables });
  // #endregion grants
  return { owner, tools };
};
