import type { BudgetAccount, BudgetQuery } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { dollars, plural } from "../printing/format.ts";
import { type Column, renderTable } from "../printing/table.ts";
import { openViewer } from "../sessions/data-dir.ts";

const PAGE = 50;

export const budgets: Command = {
  args: [],
  options: {
    name: { type: "string", value: "<name>", about: "only this budget" },
    limit: { type: "string", value: "<count>", about: `how many (${PAGE})` },
    after: { type: "string", value: "<account>", about: "those after this account" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: ["What calls under way may still cost stands apart: it comes back when they are over."],
  run: async (call) => {
    const { flags, terminal } = call;
    const name = flags.text("name");
    const after = flags.text("after");
    const limit = flags.count("limit") ?? PAGE;
    const query: BudgetQuery = {
      limit,
      ...(name === undefined ? {} : { name }),
      ...(after === undefined ? {} : { after }),
    };
    await using runtime = await openViewer(call);
    const accounts = await runtime.budgets(query);
    if (flags.isOn("json")) {
      terminal.out.line(JSON.stringify(accounts));
      return EXIT.done;
    }
    if (accounts.length === 0) terminal.err.line("No budget has been used.");
    else terminal.out.write(render(call, accounts));
    const last = accounts.at(-1);
    if (last !== undefined && accounts.length === limit)
      terminal.err.line(`More: the same with --after '${last.account.replaceAll("'", String.raw`'\''`)}'`);
    return EXIT.done;
  },
};

const inUnits = ({ unit }: BudgetAccount, amount: number): string =>
  unit === "usd" ? dollars(amount) : plural(amount, "token");

const COLUMNS: readonly Column<BudgetAccount>[] = [
  { title: "BUDGET", of: ({ budget }) => budget, isFlexible: true },
  { title: "OF", of: ({ scope, of }) => `${scope} ${of.join("/")}`, isFlexible: true },
  { title: "PERIOD", of: ({ period }) => period },
  { title: "SPENT", of: (account) => inUnits(account, account.spent) },
  { title: "SET ASIDE", of: (account) => (account.reserved === 0 ? "" : inUnits(account, account.reserved)) },
];

const render = ({ terminal }: Invocation, accounts: readonly BudgetAccount[]): string =>
  renderTable(COLUMNS, accounts, terminal.out);
