import { getEventListeners } from "node:events";
import { stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { untilAborted } from "./until-aborted.ts";

const never = (): Promise<string> => Promise.withResolvers<string>().promise;

describe("work that a signal may cut short", () => {
  it("brings what it brings, or fails as it fails, where the signal is silent", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(signal, Promise.resolve(1))).toBe(1);
    await expect(untilAborted(signal, Promise.reject(new TypeError("no")))).rejects.toThrow("no");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is not waited for any more once the signal comes, or where it has come already", async () => {
    const stop = new AbortController();
    const waiting = untilAborted(stop.signal, never());
    stop.abort();
    expect(await waiting).toBe("aborted");
    expect(await untilAborted(stop.signal, never())).toBe("aborted");
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });

  it("may fail after that, and nobody hears of it", async () => {
    const unheard: unknown[] = [];
    const note = (reason: unknown): void => void unheard.push(reason);
    process.on("unhandledRejection", note);
    const stop = new AbortController();
    const works = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
    const waiting = untilAborted(stop.signal, works[0].promise);
    stop.abort();
    await waiting;
    await untilAborted(stop.signal, works[1].promise);
    works.forEach(({ reject }) => reject(new TypeError("too late")));
    // Node tells of such before anything comes from outside.
    await stat(import.meta.dirname);
    process.off("unhandledRejection", note);
    expect(unheard).toEqual([]);
  });
});
