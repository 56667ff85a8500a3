/** What the scripted model does next, from what it has seen so far: a plan of seven steps, each tried until its result makes sense. */
import type { JsonObject } from "holdfast";
import type { ScriptedStep, ScriptedTurn } from "holdfast/testing";

type Call = { readonly name: string; readonly input: JsonObject };

/** A step is done when a result of its tool says what is looked for; until then its call is made again. */
type Step = {
  readonly tool: string;
  readonly found: RegExp;
  readonly call: (known: readonly string[]) => Call;
};

type Seen = { readonly tool: string; readonly text: string };

const MOST_CALLS = 40;

const code = (at: string, cents: string, percent: string): string =>
  `const { EUR } = await (await fetch("http://${at}/rates")).json();
console.log("payout", Math.round(((${cents} * ${percent}) / 100) * EUR));`;

/** In the order in which they are done; what each has found is known to those behind it. */
const planFor = (claim: number, at: string): readonly Step[] => [
  {
    tool: "claims_query",
    found: /(\d{4,5})/,
    call: () => ({
      name: "claims_query",
      input: { sql: "SELECT cents FROM claims WHERE id = ?", params: [claim] },
    }),
  },
  {
    tool: "fetch_url",
    found: /back (\d+) percent/,
    call: () => ({ name: "fetch_url", input: { url: `http://${at}/policy` } }),
  },
  {
    tool: "run_node",
    found: /payout (\d+)/,
    call: ([cents = "", percent = ""]) => ({ name: "run_node", input: { code: code(at, cents, percent) } }),
  },
  {
    // Whether it was paid is looked up before it is paid, and again when that went wrong: a second call has a key of its own.
    tool: "list_refunds",
    found: /(refund-\d+)/,
    call: () => ({ name: "list_refunds", input: { claim } }),
  },
  {
    tool: "browser_",
    found: /payout of claim (\d+) is confirmed/,
    call: () => ({ name: "browser_open", input: { url: `http://${at}/claims/${claim}` } }),
  },
  {
    tool: "desk_close_claim",
    found: /(is closed with refund-\d+)/,
    call: ([, , , refund = ""]) => ({ name: "desk_close_claim", input: { claim, refund } }),
  },
  {
    tool: "write_file",
    found: /(settlement\.md)/,
    call: ([, , payout = "", refund = ""]) => ({
      name: "write_file",
      input: { path: "settlement.md", content: `Claim ${claim}: paid ${payout} cents with ${refund}.\n` },
    }),
  },
];

/** Results so far, with the names of their tools. */
const seenIn = (messages: ScriptedTurn["messages"]): readonly Seen[] =>
  messages.flatMap((message) =>
    message.role === "tool"
      ? message.results.map(({ toolName, output }) => ({
          tool: toolName,
          text: output.type === "error" ? "" : JSON.stringify(output.value),
        }))
      : [],
  );

type Stand = {
  readonly step: Step;
  readonly seen: readonly Seen[];
  readonly known: readonly string[];
  readonly claim: number;
};

/** A step that needs more than its own tool: what is pressed or paid once it is seen that it was not yet. */
const instead = ({ step, seen, known, claim }: Stand): Call | null => {
  const last = seen.at(-1);
  if (step.tool === "list_refunds" && last?.tool === "list_refunds" && /refunds\W+\[\]/.test(last.text))
    return { name: "pay_refund", input: { claim, cents: Number(known[2]) } };
  const button = /button \\"Confirm the payout\\"[^\n]*?\[ref=(\w+)\]/.exec(last?.text ?? "")?.[1];
  if (step.tool === "browser_" && button !== undefined)
    return { name: "browser_click", input: { ref: button } };
  return null;
};

type Asked = Pick<ScriptedTurn, "messages"> & { readonly claim: number; readonly at: string };

export const nextStep = ({ claim, at, messages }: Asked): ScriptedStep => {
  const seen = seenIn(messages);
  const known: string[] = [];
  for (const step of planFor(claim, at)) {
    const found = seen
      .filter(({ tool }) => tool.startsWith(step.tool))
      .map(({ text }) => step.found.exec(text)?.[1])
      .find((text) => text !== undefined);
    if (found === undefined) {
      if (seen.length >= MOST_CALLS)
        return { text: `Claim ${claim} could not be settled: ${step.tool} does not answer.` };
      return { toolCalls: [instead({ step, seen, known, claim }) ?? step.call(known)] };
    }
    known.push(found);
  }
  return { text: `Claim ${claim} is settled: ${known[2]} cents were paid with ${known[3]}.` };
};
