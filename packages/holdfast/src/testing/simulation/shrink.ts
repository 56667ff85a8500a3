import type { FaultKind } from "./chaos.ts";
import { simulate, type SimulateOptions, type SimulationResult } from "./simulate.ts";

/** A seed as it was last played, and what it takes to play it so again. */
export type Played = { readonly options: SimulateOptions; readonly result: SimulationResult };

/**
 * Looks for the shortest way to the same broken rule: fewer strokes, fewer sessions, fewer faults, fewer kinds
 * of them. Each is tried on the shortest that was found before, and kept when the same rule still breaks.
 */
export const shrink = async (
  first: SimulationResult,
  play: (options: SimulateOptions) => Promise<SimulationResult> = simulate,
): Promise<Played> => {
  const rule = first.violations[0]?.rule;
  let best: Played = { options: { seed: first.seed }, result: first };
  const attempt = async (change: Partial<SimulateOptions>): Promise<boolean> => {
    const options = { ...best.options, ...change };
    const result = await play(options);
    const isBroken = result.violations.some((violation) => violation.rule === rule);
    if (isBroken && result.events + result.faults < best.result.events + best.result.faults)
      best = { options, result };
    return isBroken;
  };
  for (const steps of [2, 4, 7, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65])
    if (await attempt({ steps })) break;
  for (const sessions of [1, 2, 3]) if (await attempt({ sessions })) break;
  for (const atMost of [0, 1, 2, 3, 5, 8, 12, 16, 20, 30, 40, 50]) if (await attempt({ atMost })) break;
  for (const kind of best.result.faultsByKind.keys()) await attempt({ without: [...leftOut(best), kind] });
  return best;
};

const leftOut = ({ options }: Played): readonly FaultKind[] => options.without ?? [];
