import type { Recording } from "./recording.ts";
import { recordingOf } from "./recording.ts";
import type { Scenario } from "./scenario.ts";

const MANY = 100_000;

/** Plays a story to its end and takes down what was stored. */
export const playScenario = async ({ name, about, play }: Scenario): Promise<Recording> => {
  const { test, session } = await play();
  const events = await test.store.read(session.id, 0, { limit: MANY });
  // What is still in flight is left to die with its process: its end is no part of the story.
  test.crashAfter(0);
  return recordingOf({ name, about, sessionId: session.id, events });
};
