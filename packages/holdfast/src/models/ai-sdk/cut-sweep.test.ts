import { describe, expect, it } from "vitest";
import { createModelServer } from "../../testing/wire/index.ts";
import type { ModelAnswer } from "../../ports/model.ts";
import { ModelCallError } from "../../core/errors.ts";
import { requestOf, tool, user, WIRE_NAMES, wireModel, type WireName } from "./fixtures/wire-models.ts";

const INPUT = { city: "Bern", days: 12 };
const STEP = {
  text: "So.",
  toolCalls: [
    { name: "clock", input: INPUT },
    { name: "weather", input: INPUT },
  ],
  deltas: 3,
};
const AT_ONCE = 24;
/** A closed connection always ends in an error of its own, so that a part of the offsets tells enough. */
const STRIDE = { end: 1, close: 5 } as const;

/** Bytes of the whole answer, read from the wire itself. */
const answerBytes = async (name: WireName): Promise<number> => {
  await using server = await createModelServer({ script: [STEP, STEP] });
  await wireModel(name, server.url).call(
    requestOf([user("Go")], { tools: [tool("clock"), tool("weather")] }),
  );
  const [seen] = server.requests;
  const response = await fetch(`${server.url}${seen?.path ?? ""}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(seen?.body),
  });
  return (await response.arrayBuffer()).byteLength;
};

type Ending = { readonly atByte: number; readonly code: string };

const judge = (answer: ModelAnswer): string => {
  const calls = answer.content.filter((part) => part.type === "tool-call");
  const isWhole =
    calls.length === 2 && calls.every((call) => JSON.stringify(call.input) === JSON.stringify(INPUT));
  return isWhole && answer.finish === "tool-calls"
    ? "complete"
    : `truncated: ${JSON.stringify(answer.content)}`;
};

/** How a call ends when the answer is cut after each number of bytes. */
const sweep = async (name: WireName, how: "end" | "close", bytes: number): Promise<readonly Ending[]> => {
  await using server = await createModelServer({
    script: ({ lastUserText }) => ({ ...STEP, fault: { kind: "cut", atByte: Number(lastUserText), how } }),
  });
  const model = wireModel(name, server.url);
  const cutAt = async (atByte: number): Promise<Ending> => {
    const request = requestOf([user(String(atByte))], { tools: [tool("clock"), tool("weather")] });
    const code = await model
      .call(request)
      .then(judge, (error: unknown) => (error instanceof ModelCallError ? error.code : String(error)));
    return { atByte, code };
  };
  const endings: Ending[] = [];
  const offsets = Array.from(
    { length: Math.floor(bytes / STRIDE[how]) + 1 },
    (_, index) => index * STRIDE[how],
  );
  for (let from = 0; from < offsets.length; from += AT_ONCE) {
    endings.push(...(await Promise.all(offsets.slice(from, from + AT_ONCE).map(cutAt))));
  }
  return endings;
};

describe.each(WIRE_NAMES)("an answer of %s cut after every number of bytes", (name) => {
  it.each(["end", "close"] as const)(
    "is a cut stream or the whole answer, never a truncated call, by %s (E9)",
    async (how) => {
      const bytes = await answerBytes(name);
      const endings = await sweep(name, how, bytes);
      const wrong = endings.filter(({ code }) => code !== "MODEL_STREAM_CUT" && code !== "complete");
      expect(wrong).toEqual([]);
      expect(endings.length).toBe(Math.floor(bytes / STRIDE[how]) + 1);
      expect(endings[0]?.code).toBe("MODEL_STREAM_CUT");
      if (how === "end") expect(endings.at(-1)?.code).toBe("complete");
      const firstWhole = endings.findIndex(({ code }) => code === "complete");
      if (firstWhole >= 0)
        expect(endings.slice(firstWhole).every(({ code }) => code === "complete")).toBe(how === "end");
    },
    120_000,
  );
});
