import { isJsonObject } from "../../../core/json.ts";
import type { ToolOutput } from "../../../core/message.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type SessionHistory } from "./session-history.ts";
import { inputLine } from "../../simulation/simulated-attributes.ts";
import { weightOf } from "../../simulation/simulated-files.ts";

/** What was accepted is what was sent, and everything weighs in the window what it is (J1, E6). */
export const checkContent = (session: SessionHistory): readonly Violation[] => [
  ...checkSent(session),
  ...checkResults(session),
  ...checkFiles(session),
  ...checkInline(session),
  ...checkLateResults(session),
  ...checkInstructions(session),
];

const checkSent = ({ sessionId, events, acknowledged }: SessionHistory): readonly Violation[] =>
  acknowledged.flatMap((one) => {
    if (one.kind !== "input" || one.sent === undefined) return [];
    const { runId, sent, key } = one;
    const accepted = eventsOf(events, "run.accepted").find(({ header }) => header.runId === runId);
    if (accepted === undefined || accepted.payload === null) return [];
    const { position, header, payload } = accepted;
    const isSame = inputLine(payload) === sent.line;
    return [
      ...(isSame
        ? []
        : [finder(sessionId, "J1")("content-wrong", position, `the input of ${key} is not what was sent`)]),
      ...(header.chars === sent.chars
        ? []
        : [finder(sessionId, "E6")("weight-wrong", position, `the input of ${key} weighs ${header.chars}`)]),
    ];
  });

const checkResults = ({ sessionId, events }: SessionHistory): readonly Violation[] =>
  eventsOf(events, "tool-call.completed").flatMap(({ header, payload, position }) => {
    const output = payload?.["output"];
    if (!isJsonObject(output) || header.chars === weightOfOutput(output as ToolOutput)) return [];
    const what = `the result of ${header.callId} weighs ${header.chars}`;
    return [finder(sessionId, "E6")("weight-wrong", position, what)];
  });

const weightOfOutput = (output: ToolOutput): number => {
  if (output.type === "json") return JSON.stringify(output.value).length;
  if (output.type !== "content") return output.value.length;
  const texts = output.value.filter((part) => part.type === "text").length;
  // Between texts there is a line's end.
  return weightOf(output.value) + Math.max(0, texts - 1);
};

/** What came late is kept as it came (E5). */
const checkLateResults = ({ sessionId, events }: SessionHistory): readonly Violation[] =>
  eventsOf(events, "tool-call.late").flatMap(({ header, payload, position }) => {
    const kept = JSON.stringify(payload ?? null).replaceAll("\\", "");
    if (payload === null || kept.includes(`"done":"${header.callId}"`)) return [];
    const what = `what ${header.callId} brought late is not what is kept of it`;
    return [finder(sessionId, "E5")("content-wrong", position, what)];
  });

/** A run is begun with instructions of its own, or with those of an earlier one (J1). */
const checkInstructions = ({ sessionId, events }: SessionHistory): readonly Violation[] =>
  eventsOf(events, "run.started").flatMap(({ header, position }) => {
    const from = events[(header.instructionsAt ?? position) - 1];
    if (from?.header.type === "run.started" && typeof from.payload?.["instructions"] === "string") return [];
    const what = `${header.runId} begins without instructions`;
    return [finder(sessionId, "J1")("content-wrong", position, what)];
  });

/** Only small files stay in their event: longer ones are stored apart, once (J1). */
const MOST_INLINE = 4_096;
const INLINE = /"base64":"([^"]*)"/g;
const APART = /"kind":"blob","digest":"[^"]*","bytes":(\d+)/g;

const checkInline = ({ sessionId, events }: SessionHistory): readonly Violation[] =>
  eventsOf(events, "tool-call.completed")
    .flatMap((event) => judgeInline(sessionId, event))
    .concat(eventsOf(events, "model-call.completed").flatMap((event) => judgeInline(sessionId, event)));

const judgeInline = (sessionId: string, { payload, position }: JournalEvent): readonly Violation[] => {
  const text = JSON.stringify(payload);
  const isTooLong = [...text.matchAll(INLINE)].some(([, base64 = ""]) => base64.length > MOST_INLINE);
  const isTooShort = [...text.matchAll(APART)].some(([, bytes]) => (Number(bytes) / 3) * 4 + 4 < MOST_INLINE);
  if (!isTooLong && !isTooShort) return [];
  return [finder(sessionId, "J1")("file-wrong", position, "a file is not where one of its size belongs")];
};

/** Files are there for the model as they were given, as long as their content was not erased (J1, O2). */
const checkFiles = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const isForgotten = (whole.erasures ?? []).some((one) => one.sessionId === sessionId);
  return (whole.wrongFiles ?? [])
    .filter((one) => one.sessionId === sessionId && (one.problem !== "is gone" || !isForgotten))
    .map(({ digest, problem }) =>
      problem === "tells a secret"
        ? finder(sessionId, "O2")("secret-told", null, `the file ${digest} ${problem}`)
        : finder(sessionId, "J1")("file-wrong", null, `the file ${digest} ${problem}`),
    );
};
