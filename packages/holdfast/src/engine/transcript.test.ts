import { expect, it } from "vitest";
import type { EventHeader, JournalEvent } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import { Transcript } from "./transcript.ts";

const eventAt = (position: number, header: unknown, payload: JsonObject): JournalEvent => ({
  v: 1,
  position,
  at: 0,
  epoch: 1,
  content: null,
  header: header as EventHeader,
  payload,
});

const result = (position: number, callId: string): JournalEvent =>
  eventAt(
    position,
    { type: "tool-call.completed", runId: "r", callId, attempt: 1, durationMs: 1, chars: 2, by: "tool" },
    { output: { type: "json", value: callId } },
  );

it("E3 keeps the results of a turn together, though somebody looked at it between two of them", () => {
  const transcript = new Transcript();
  const call = (n: number) => ({ type: "tool-call", toolName: "look", providerCallId: `p${n}`, input: {} });
  const calls = ["call_1_0", "call_1_1"].map((callId) => ({ callId, tool: "look" }));
  const answer = { type: "model-call.completed", runId: "r", startedAt: 1, provider: "p", calls };
  transcript.push(eventAt(2, answer, { content: [call(0), call(1)] }));
  transcript.push(result(3, "call_1_0"));
  // A model call of an earlier turn, stopped long ago, gets round to reading the conversation.
  expect(transcript.messages()).toHaveLength(2);
  transcript.push(result(4, "call_1_1"));
  const [, told, ...more] = transcript.messages();
  expect(more).toEqual([]);
  expect(told).toMatchObject({ role: "tool", results: [{ callId: "call_1_0" }, { callId: "call_1_1" }] });
});
