import { EQUIVALENTS } from "./equivalents.ts";
import { readFoundAtOnce } from "./found-at-once.ts";
import { INCIDENTS } from "./incidents.ts";
import { NOT_FOUND_YET } from "./not-found-yet.ts";
import type { AllMutants } from "./read-sources.ts";
import { IN_SCOPE, OUT_OF_SCOPE } from "./scope.ts";

/** What is wrong with the lists of this folder, held against the source: a name that is not there, a promise without a guard. */
export const listProblems = ({ guards, generated }: AllMutants): readonly string[] => {
  const ids = new Set([...guards, ...generated].map(({ id }) => id));
  const guarded = new Set(guards.flatMap(({ promises }) => promises));
  const promises = new Set([...IN_SCOPE, ...Object.keys(OUT_OF_SCOPE)]);
  const named = EQUIVALENTS.flatMap(({ id, together = [] }) => [id, ...together]);
  const listed = [...EQUIVALENTS, ...NOT_FOUND_YET].map(({ id }) => id);
  return [
    ...IN_SCOPE.filter((promise) => !guarded.has(promise)).map((promise) => `${promise} has no guard`),
    ...[...guarded].filter((promise) => !promises.has(promise)).map((promise) => `${promise} is no promise`),
    ...named.filter((id) => !ids.has(id)).map((id) => `equivalents.ts names what is not there: ${id}`),
    ...listed.filter((id, at) => listed.indexOf(id) !== at).map((id) => `listed twice: ${id}`),
    ...NOT_FOUND_YET.filter(({ id }) => !ids.has(id)).map(
      ({ id }) => `not-found-yet.ts names what is not there: ${id}`,
    ),
    ...[...readFoundAtOnce()]
      .filter((id) => !ids.has(id))
      .map((id) => `found-at-once.txt names what is not there; rename or remove its line: ${id}`),
    ...INCIDENTS.filter((incident) => incident.guards.length === 0).map(
      ({ what }) => `incidents.ts, "${what}": no guard`,
    ),
    ...INCIDENTS.flatMap(({ what, guards: names }) =>
      names.filter((id) => !ids.has(id)).map((id) => `incidents.ts, "${what}": there is no guard ${id}`),
    ),
  ];
};
