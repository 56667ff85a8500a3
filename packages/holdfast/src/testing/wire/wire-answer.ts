import type { ServerResponse } from "node:http";
import type { Clock } from "../../ports/clock.ts";
import { ConfigurationError } from "../../core/errors.ts";
import type { Frame, WireFormat } from "./wire-format.ts";
import type { WireFault, WireStep } from "./wire-script.ts";

/** What is sent, and how it ends. */
type Plan = {
  readonly chunks: readonly Buffer[];
  readonly end: "end" | "close" | "hang";
};

const toChunks = (frames: readonly Frame[]): readonly Buffer[] =>
  frames.map((frame) => Buffer.from(frame.text));

/** The middle of the frame in the middle of the arguments, or of the whole answer where there are none. */
const middleOfArguments = (frames: readonly Frame[]): number => {
  const indexes = [...frames.keys()].filter((index) => frames[index]?.isArguments === true);
  const target = indexes[Math.floor(indexes.length / 2)] ?? Math.floor(frames.length / 2);
  const before = frames.slice(0, target).reduce((bytes, frame) => bytes + Buffer.byteLength(frame.text), 0);
  return before + Math.floor(Buffer.byteLength(frames[target]?.text ?? "") / 2);
};

/** The first `bytes` of a list of chunks. */
const cutAt = (chunks: readonly Buffer[], bytes: number): readonly Buffer[] => {
  const kept: Buffer[] = [];
  let left = bytes;
  for (const chunk of chunks) {
    if (left <= 0) break;
    kept.push(chunk.subarray(0, left));
    left -= chunk.length;
  }
  return kept;
};

const MALFORMED = Buffer.from('data: {"id": "broken", "choices": [{\n\n');

/** What an answer comes to under a fault. */
const planOf = (frames: readonly Frame[], fault: WireFault | undefined, format: WireFormat): Plan => {
  const chunks = toChunks(frames);
  switch (fault?.kind) {
    case "cut": {
      const bytes = fault.atByte ?? middleOfArguments(frames);
      return { chunks: cutAt(chunks, bytes), end: fault.how ?? "end" };
    }
    case "malformed-chunk": {
      const middle = Math.floor(chunks.length / 2);
      return { chunks: [...chunks.slice(0, middle), MALFORMED, ...chunks.slice(middle)], end: "end" };
    }
    case "error-event":
      return {
        chunks: [...chunks.slice(0, fault.afterFrames ?? 1), ...toChunks([format.errorFrame(fault.reason)])],
        end: "end",
      };
    case "hang":
      return { chunks: chunks.slice(0, fault.afterFrames ?? 0), end: "hang" };
    default:
      return { chunks, end: "end" };
  }
};

const wait = async (delayMs: number | undefined, clock: Clock | undefined): Promise<void> => {
  if (delayMs === undefined) return;
  if (clock === undefined) {
    throw new ConfigurationError("OPTION_INVALID", "A step that waits needs a clock.", {
      hint: "Pass it to createModelServer({ clock }).",
    });
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.startTimer(delayMs, resolve);
  await promise;
};

/** Writes and waits until the bytes are with the system, so that a close does not overtake them. */
const write = async (response: ServerResponse, chunk: Buffer): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.write(chunk, () => resolve());
  await promise;
};

export type Sending = {
  readonly step: WireStep;
  readonly frames: readonly Frame[];
  readonly format: WireFormat;
  readonly clock: Clock | undefined;
};

/** Streams one answer, faults and all; answers how many frames were sent, in part or as a whole. */
export const sendAnswer = async (
  response: ServerResponse,
  { step, frames, format, clock }: Sending,
): Promise<number> => {
  const { chunks, end } = planOf(frames, step.fault, format);
  if (end === "hang" && chunks.length === 0) return 0;
  await wait(step.firstTokenDelayMs, clock);
  response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req_test" });
  response.flushHeaders();
  let sent = 0;
  if (step.gapMs === undefined && chunks.length > 0) {
    await write(response, Buffer.concat(chunks));
    sent = chunks.length;
  } else {
    for (const chunk of chunks) {
      // Who has hung up is sent nothing more, and billed nothing more.
      if (response.destroyed) break;
      await write(response, chunk);
      sent += 1;
      await wait(step.gapMs, clock);
    }
  }
  if (end === "end") response.end();
  if (end === "close") response.socket?.destroy();
  return sent;
};
