import { isHoldfastError } from "../../core/index.ts";
import type {
  CallerResult,
  Decision,
  Pending,
  PendingApproval,
  PendingResult,
  Session,
} from "../../runtime/index.ts";
import type { LineReader } from "../dev/line-reader.ts";
import { approvalFacts, describeInput } from "../printing/describe-approval.ts";
import type { Terminal } from "../printing/terminal.ts";

type Asking = {
  readonly terminal: Terminal;
  readonly session: Session<unknown>;
  readonly reader: LineReader;
  readonly now: () => number;
  readonly signal: AbortSignal;
};

/** Asks who sits at the terminal what the session waits for; false when they leave it for later. */
export const askInPlace = async (asking: Asking): Promise<boolean> => {
  const { session, signal } = asking;
  const { position } = await session.snapshot();
  let isAnswered = false;
  for (const one of await session.pending()) {
    if (signal.aborted) return false;
    if (await answerOne(asking, one)) isAnswered = true;
  }
  if (isAnswered) await untilRead(session, position, signal);
  return isAnswered;
};

/** Until something came of it: before that, the run looks as if it still waited. */
const untilRead = async (session: Session<unknown>, after: number, signal: AbortSignal): Promise<void> => {
  for await (const event of session.events({ after, signal })) if (event.kind === "event") return;
};

const answerOne = async (asking: Asking, one: Pending): Promise<boolean> => {
  switch (one.kind) {
    case "approval":
      return approve(asking, one);
    case "result":
      return bringResult(asking, one);
    case "resolution":
      return false;
  }
};

const NAME_WIDTH = 8;

const approve = async (asking: Asking, ask: PendingApproval): Promise<boolean> => {
  const { err } = asking.terminal;
  err.line(err.paint("yellow", `? ${ask.tool} needs approval`));
  for (const [name, value] of approvalFacts(ask, asking.now()))
    err.line(`  ${name.padEnd(NAME_WIDTH)}${value}`);
  for (;;) {
    const by = await nameOf(asking, ask);
    if (by === null) return false;
    const decision = await askDecision(asking);
    if (decision === null) return false;
    if (await tried(asking, () => asking.session.decide(ask.approvalId, { ...decision, ...by }))) return true;
  }
};

/** Asked until it is understood; null for later. */
const askDecision = async (asking: Asking): Promise<Decision | null> => {
  const { err } = asking.terminal;
  for (;;) {
    err.line("  y approve, n <why> deny, e <json> approve with other arguments, l later");
    const line = await asking.reader.next();
    if (line === null || /^\s*l(ater)?\s*$/i.test(line)) return null;
    const decision = decisionIn(line.trim());
    if (decision !== null) return decision;
  }
};

/** Where it matters who decides, they say who they are. */
const nameOf = async (
  { reader, terminal }: Asking,
  ask: PendingApproval,
): Promise<{ readonly by?: string } | null> => {
  if (ask.approvers === null && ask.quorum === 1 && !ask.excludesRequester) return {};
  terminal.err.line("  Who are you? (empty to leave it for later)");
  const name = (await reader.next())?.trim() ?? "";
  return name === "" ? null : { by: name };
};

const decisionIn = (line: string): Decision | null => {
  if (/^y(es)?$/i.test(line)) return { verdict: "approve" };
  const denied = /^n(?:o)?(?:\s+(.+))?$/i.exec(line);
  if (denied !== null)
    return { verdict: "reject", ...(denied[1] === undefined ? {} : { message: denied[1] }) };
  const edited = /^e(?:dit)?\s+(.+)$/i.exec(line);
  const input = edited === null ? undefined : jsonIn(edited[1] ?? "");
  return input === undefined ? null : { verdict: "approve", input };
};

const bringResult = async (asking: Asking, call: PendingResult): Promise<boolean> => {
  const { err } = asking.terminal;
  err.line(
    err.paint("yellow", `? ${questionIn(call) ?? `${call.tool} ${describeInput(call)} is yours to run`}`),
  );
  const isForm = call.resultSchema !== null;
  if (isForm) err.line(`  as JSON: ${JSON.stringify(call.resultSchema)}`);
  for (;;) {
    err.line(
      isForm ? "  JSON, or nothing to leave it for later" : "  an answer, or nothing to leave it for later",
    );
    const line = (await asking.reader.next())?.trim() ?? "";
    if (line === "") return false;
    const output = isForm ? jsonIn(line) : line;
    if (output === undefined) continue;
    const result: CallerResult = { output };
    if (await tried(asking, () => asking.session.submitResult(call.callId, result))) return true;
  }
};

const questionIn = ({ input }: PendingResult): string | null => {
  if (typeof input !== "object" || input === null || !("question" in input)) return null;
  const { question } = input;
  const choices: unknown = "choices" in input ? input.choices : undefined;
  if (typeof question !== "string") return null;
  return Array.isArray(choices) && choices.length > 0 ? `${question} (${choices.join(", ")})` : question;
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What is wrong with an answer is said, and asked for again. */
const tried = async ({ terminal }: Asking, work: () => Promise<void>): Promise<boolean> => {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (!isHoldfastError(thrown)) throw thrown;
    terminal.err.line(terminal.err.paint("red", `  ${thrown.message}`));
    return false;
  }
};
