import { openEvent } from "../../../core/journal-codec.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { RunId } from "../../../core/ids.ts";
import type { Charge } from "../../../core/usage.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, runOf, type EventOf, type SessionHistory } from "./session-history.ts";

/** What fractions of a dollar may differ by when they are added up in another order. */
const NOISE_USD = 1e-7;

type Unit = "usd" | "tokens";
const UNITS = ["usd", "tokens"] as const;

/** One run as an accountant sees it. */
class Ledger {
  readonly spent = { usd: 0, tokens: 0 };
  readonly crossed = { usd: 0, tokens: 0 };
  readonly raised = new Map<string, { usd: number; tokens: number }>();
  readonly settings: EventOf<"run.started">["header"]["settings"];
  /** The call that is under way. */
  start: EventOf<"model-call.started" | "summary-call.started"> | null = null;
  readonly made = new Set<string>();
  /** Calls that undo what it did: nobody asked for them, and no limit stands against them. */
  readonly undoing = new Set<string>();
  /** What was charged beyond what was set aside, and not said yet. */
  unsaid: { readonly usd: number; readonly tokens: number } | null = null;

  constructor({ header }: EventOf<"run.started">) {
    this.settings = header.settings;
  }

  limit(unit: Unit): number {
    const { budget } = this.settings;
    const limit = unit === "usd" ? budget?.maxCostUsd : budget?.maxTokens;
    return (limit ?? Number.POSITIVE_INFINITY) + (this.raised.get("run")?.[unit] ?? 0);
  }
}

/** No call is made that its run's limits have no room for, and what is refused is refused for a reason (E8). */
export const checkBudgets = (session: SessionHistory): readonly Violation[] => {
  const runs = new Map<RunId, Ledger>();
  return session.events.flatMap((event) => {
    const runId = runOf(event.header);
    if (runId === null) return [];
    if (event.header.type === "run.started") runs.set(runId, new Ledger({ ...event, header: event.header }));
    const ledger = runs.get(runId);
    return ledger === undefined ? [] : judge(session, ledger, event);
  });
};

const judge = (session: SessionHistory, ledger: Ledger, event: JournalEvent): readonly Violation[] => {
  const { header, position } = event;
  const say = finder(session.sessionId, "E8");
  const said = (problem: string | null): readonly Violation[] =>
    problem === null ? [] : [say("budget-passed", position, problem)];
  switch (header.type) {
    case "summary-call.started":
    case "model-call.started":
      return said(problemOfStart(session, ledger, { ...event, header }));
    case "summary-call.completed":
    case "summary-call.failed":
    case "model-call.completed":
    case "model-call.failed":
      return said(settle(ledger, header));
    case "budget.crossed":
      return said(problemOfCrossing(ledger, header));
    case "budget.refused":
      return said(problemOfRefusal(ledger, header));
    case "budget.raised": {
      const before = ledger.raised.get(header.budget) ?? { usd: 0, tokens: 0 };
      ledger.raised.set(header.budget, {
        usd: before.usd + header.usd,
        tokens: before.tokens + header.tokens,
      });
      return [];
    }
    case "undo.requested":
      ledger.undoing.add(header.undoId);
      return [];
    case "tool-call.started":
      return said(problemOfTool(ledger, header.callId));
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
      return said(problemOfEnd(ledger));
    default:
      return [];
  }
};

const problemOfStart = (
  { whole }: SessionHistory,
  ledger: Ledger,
  start: EventOf<"model-call.started" | "summary-call.started">,
): string | null => {
  const { reserved, provider } = start.header;
  const { budget, maxRepeats } = ledger.settings;
  ledger.start = start;
  if (ledger.unsaid !== null) return "more was charged than was set aside, and nobody says so";
  if (maxRepeats === null || budget === null)
    return reserved === null || budget !== null ? null : "something is set aside without a budget";
  if (reserved === null) return "nothing is set aside";
  const price = whole.prices?.get(provider);
  const { inputTokens, outputTokens, costUsd } = reserved;
  const most =
    start.header.type === "summary-call.started"
      ? ledger.settings.summary?.maxOutputTokens
      : budget.models[start.header.candidate]?.maxOutputTokens;
  if (outputTokens > (most ?? 0) || outputTokens < 1) return `the model may write ${outputTokens} tokens`;
  const cost =
    price === undefined
      ? null
      : (inputTokens * price.inputPerMTok + outputTokens * price.outputPerMTok) / 1e6;
  if (cost !== null && Math.abs(cost - (costUsd ?? 0)) > NOISE_USD)
    return `${costUsd} dollars are set aside for what costs ${cost}`;
  const needs = { usd: costUsd ?? 0, tokens: inputTokens + outputTokens };
  const passed = UNITS.find((unit) => ledger.spent[unit] + needs[unit] > ledger.limit(unit) + NOISE_USD);
  return passed === undefined
    ? null
    : `after ${ledger.spent[passed]} ${passed} a call may come to ${needs[passed]}, of ${ledger.limit(passed)}`;
};

const amountIn = ({ usage, costUsd }: Charge): Record<Unit, number> => ({
  usd: costUsd ?? 0,
  tokens: usage.inputTokens + usage.outputTokens,
});

type Ended = "model-call.completed" | "model-call.failed" | "summary-call.completed" | "summary-call.failed";

const settle = (
  ledger: Ledger,
  { charge, startedAt, ...header }: EventOf<Ended>["header"],
): string | null => {
  const amount = amountIn(charge);
  for (const unit of UNITS) ledger.spent[unit] += amount[unit];
  const reserved = ledger.start?.position === startedAt ? ledger.start.header.reserved : null;
  ledger.start = null;
  if (reserved === null) return null;
  const held = { usd: reserved.costUsd ?? 0, tokens: reserved.inputTokens + reserved.outputTokens };
  const over = {
    usd: Math.max(0, amount.usd - held.usd),
    tokens: Math.max(0, amount.tokens - held.tokens),
  };
  for (const unit of UNITS) ledger.crossed[unit] += over[unit];
  ledger.unsaid = over.tokens > 0 || over.usd > NOISE_USD ? over : null;
  if (!("code" in header) || !UNSEEN.has(header.code) || charge.costUsd === 0) return null;
  return amount.tokens === held.tokens
    ? null
    : `an answer that nobody saw to its end is charged ${amount.tokens} tokens`;
};

/** Answers of which nobody here can say how far the provider came with them. */
const UNSEEN: ReadonlySet<string> = new Set([
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
]);

const problemOfCrossing = (
  ledger: Ledger,
  { overTokens, overUsd }: EventOf<"budget.crossed">["header"],
): string | null => {
  const { unsaid } = ledger;
  ledger.unsaid = null;
  if (unsaid === null) return overTokens > 0 ? "it is said to have come to more, and has not" : null;
  const isSame = overTokens === unsaid.tokens && Math.abs((overUsd ?? 0) - unsaid.usd) < NOISE_USD;
  return isSame ? null : "it is said to have come to more by another amount";
};

const problemOfRefusal = (ledger: Ledger, header: EventOf<"budget.refused">["header"]): string | null => {
  const { budget, unit, limit, spent, needed, next } = header;
  if (spent + needed <= limit) return `a call is refused for ${budget}, which has room for it`;
  if (budget !== "run") return null;
  if (Math.abs(limit - ledger.limit(unit)) > NOISE_USD || Math.abs(spent - ledger.spent[unit]) > NOISE_USD)
    return `of ${ledger.limit(unit)} ${unit} ${ledger.spent[unit]} are spent, and not ${spent} of ${limit}`;
  const { onLimit } = ledger.settings.budget ?? {};
  const isByRule = next.kind === onLimit || (next.kind === "stop" && onLimit === "degrade");
  return isByRule ? null : `by the rule ${onLimit} it comes to ${next.kind}`;
};

const problemOfTool = (ledger: Ledger, callId: string): string | null => {
  if (!ledger.undoing.has(callId)) ledger.made.add(callId);
  const { maxToolCalls } = ledger.settings;
  return maxToolCalls !== null && ledger.made.size > maxToolCalls
    ? `${ledger.made.size} tool calls are made, of ${maxToolCalls}`
    : null;
};

/** Nothing but what a provider counted beyond all reckoning takes a run over its limit. */
const problemOfEnd = (ledger: Ledger): string | null => {
  if (ledger.unsaid !== null) return "more was charged than was set aside, and nobody says so";
  const over = UNITS.find(
    (unit) => ledger.spent[unit] > ledger.limit(unit) + ledger.crossed[unit] + NOISE_USD,
  );
  return over === undefined ? null : `it came to ${ledger.spent[over]} ${over} of ${ledger.limit(over)}`;
};

/** What accounts hold in the end is what all journals say, and within the limit but for what was counted beyond it (E8). */
export const checkAccounts = (
  { accounts, budgets = [], strangers = [], calendar, team, archive }: History,
  journals: readonly (readonly JournalEvent[])[],
): readonly Violation[] => {
  if (accounts === undefined || strangers.length > 0) return [];
  const books = new Map<string, Book>();
  // What the calendar runs, and what agents ask of each other, is paid from the same purses.
  const apart = [calendar, team, archive].flatMap((one) => [...(one?.journals.values() ?? [])]);
  const others = apart.map((stored) => stored.map(openEvent));
  for (const events of [...journals, ...others]) for (const event of events) keep(books, events, event);
  const say = finder("", "E8");
  return accounts.flatMap(({ account, total, reserved }) => {
    const { settled = 0, open = 0, crossed = 0, raised = 0 } = books.get(account) ?? {};
    const isRight = Math.abs(total - settled - open) <= 1 && reserved === open;
    if (!isRight)
      return [
        say(
          "account-wrong",
          null,
          `${account} holds ${total}, ${reserved} of it set aside, and not ${settled} and ${open}`,
        ),
      ];
    // What runs share that call each other is held against the limit of the first: checkChildren.
    if (account.startsWith("run/")) return [];
    const budget = budgets.find(({ name }) => name === account.split("/", 1)[0]);
    const limit = account.endsWith("/usd") ? (budget?.maxCostUsd ?? 0) * 1e9 : (budget?.maxTokens ?? 0);
    return total <= limit + crossed + raised + 1
      ? []
      : [say("account-wrong", null, `${account} has come to ${total} of ${limit}`)];
  });
};

type Book = { settled: number; open: number; crossed: number; raised: number };

const keep = (
  books: Map<string, Book>,
  events: readonly JournalEvent[],
  { header, position }: JournalEvent,
): void => {
  const bookOf = (account: string): Book => {
    const book = books.get(account) ?? { settled: 0, open: 0, crossed: 0, raised: 0 };
    books.set(account, book);
    return book;
  };
  if (header.type === "model-call.started" || header.type === "summary-call.started")
    for (const { account, amount } of header.reserved?.accounts ?? []) bookOf(account).open += amount;
  if (header.type === "budget.raised")
    for (const [account, book] of books)
      if (account.startsWith(`${header.budget}/`))
        book.raised += account.endsWith("/usd") ? header.usd * 1e9 : header.tokens;
  if (!("charge" in header) || header.startedAt === null) return;
  const start = events[header.startedAt - 1]?.header;
  const isStart = start?.type === "model-call.started" || start?.type === "summary-call.started";
  if (!isStart || position <= header.startedAt) return;
  const spent = amountIn(header.charge);
  for (const { account, unit, amount } of start.reserved?.accounts ?? []) {
    const book = bookOf(account);
    const settled = unit === "usd" ? Math.ceil(Number((spent.usd * 1e9).toPrecision(15))) : spent.tokens;
    book.open -= amount;
    book.settled += settled;
    book.crossed += Math.max(0, settled - amount);
  }
};
