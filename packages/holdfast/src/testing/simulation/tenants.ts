import type { Simulation } from "./simulation.ts";

/** In a third of the worlds each session is a tenant's: most are of one, and a few of another. */
export const tenantOf = ({ aside }: Simulation, sessionKey: string): { readonly tenant?: string } => {
  if (!aside("isolation").chance(1 / 3)) return {};
  return { tenant: aside(`isolation ${sessionKey}`).chance(0.7) ? "big" : "small" };
};
