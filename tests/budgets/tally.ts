import type { Played } from "./play-run.ts";

/** What many runs came to. */
export type Tally = {
  readonly runs: number;
  /** Runs that were billed more than their limit. */
  readonly over: readonly Played[];
  /** Runs that cost at most four fifths of their limit when nothing holds them. */
  readonly affordable: number;
  /** Of those, how many came to their end within it. */
  readonly affordableDone: number;
  /** The same of those that cost more than two fifths: the ones that a cautious reckoning turns away first. */
  readonly close: number;
  readonly closeDone: number;
  readonly stopped: number;
  readonly otherFailures: readonly Played[];
  readonly abortedStreams: number;
  readonly billedUsd: number;
};

const AFFORDABLE_SHARE = 0.8;
const CLOSE_SHARE = 0.4;
/** Dollars are fractions; less than a millionth of a cent is their noise. */
const NOISE_USD = 1e-8;

export const tallyOf = (played: readonly Played[]): Tally => {
  // A run that the provider fails again and again fails without any limit as well.
  const own = played.filter(({ code }) => code === null || code === "BUDGET_EXCEEDED");
  const affordable = own.filter(({ trueUsd, capUsd }) => trueUsd <= capUsd * AFFORDABLE_SHARE);
  const close = affordable.filter(({ trueUsd, capUsd }) => trueUsd > capUsd * CLOSE_SHARE);
  return {
    runs: played.length,
    over: played.filter(({ billedUsd, capUsd }) => billedUsd > capUsd + NOISE_USD),
    affordable: affordable.length,
    affordableDone: affordable.filter(({ status }) => status === "completed").length,
    close: close.length,
    closeDone: close.filter(({ status }) => status === "completed").length,
    stopped: played.filter(({ code }) => code === "BUDGET_EXCEEDED").length,
    otherFailures: played.filter(({ code }) => code !== null && code !== "BUDGET_EXCEEDED"),
    abortedStreams: played.reduce((sum, { abortedStreams }) => sum + abortedStreams, 0),
    billedUsd: played.reduce((sum, { billedUsd }) => sum + billedUsd, 0),
  };
};
