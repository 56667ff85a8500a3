import { EVENT_VERSION } from "holdfast/core";
import { playScenario } from "./play.ts";
import type { Files } from "./recorded-files.ts";
import { printRecording } from "./recording.ts";
import { SCENARIOS } from "./scenarios/index.ts";

/** The recording that this version's journals belong to. */
export const THIS_JOURNAL = `journal-${EVENT_VERSION}`;

/** Plays every scenario and prints what was stored; the same files each time, and on every machine. */
export const recordJournal = async (): Promise<Files> => {
  const files = new Map<string, string>();
  for (const scenario of SCENARIOS) {
    files.set(`${scenario.name}.json`, printRecording(await playScenario(scenario)));
  }
  return files;
};
