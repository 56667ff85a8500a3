import { nearestName, NotFoundError } from "../../core/index.ts";
import type { Runtime } from "../../runtime/index.ts";
import { oneLine } from "../printing/printable.ts";

export type UserName = { readonly user: string; readonly tenant: string | null };

/** What there is of a user. */
export type KnownUser = {
  readonly sessions: number;
  /** Of these, the ones with something still to be done in them. */
  readonly active: number;
  readonly schedules: number;
  readonly memories: number;
};

const PAGE = 1_000;
const NAME_WIDTH = 40;

/** Counts what is known of a user. @throws NotFoundError when that is nothing. */
export const lookAtUser = async (runtime: Runtime, name: UserName): Promise<KnownUser> => {
  const [schedules, memories] = [await countSchedules(runtime, name), await countMemories(runtime, name)];
  const known = { ...(await countSessions(runtime, name)), schedules, memories };
  if (known.sessions + schedules + memories === 0) throw await unknownUser(runtime, name);
  return known;
};

type Page<Row> = { readonly rows: readonly Row[]; readonly cursor: string | null };
type From = { readonly limit: number; readonly cursor?: string };

/** One page after another. */
async function* pagesOf<Row>(read: (from: From) => Promise<Page<Row>>): AsyncGenerator<readonly Row[]> {
  for (let from: From | null = { limit: PAGE }; from !== null;) {
    const { rows, cursor }: Page<Row> = await read(from);
    yield rows;
    from = cursor === null ? null : { limit: PAGE, cursor };
  }
}

type Owner = { readonly user: string | null; readonly tenant: string | null };

// S1: there may be a user of that name elsewhere
const isOf =
  ({ user, tenant }: UserName) =>
  (one: Owner): boolean =>
    one.user === user && one.tenant === tenant;

const ofTenant = ({ tenant }: UserName) => (tenant === null ? {} : { tenant });

const countSessions = async (
  runtime: Runtime,
  name: UserName,
): Promise<Pick<KnownUser, "sessions" | "active">> => {
  const count = { sessions: 0, active: 0 };
  const pages = pagesOf(async (from) => {
    const page = await runtime.listSessions({ user: name.user, ...ofTenant(name), ...from });
    return { rows: page.sessions, cursor: page.cursor };
  });
  for await (const page of pages) {
    const theirs = page.filter(isOf(name));
    count.sessions += theirs.length;
    count.active += theirs.filter(
      ({ status, waiting, unreadSignals }) =>
        status === "running" || status === "suspended" || waiting !== null || unreadSignals > 0,
    ).length;
  }
  return count;
};

const countSchedules = async (runtime: Runtime, name: UserName): Promise<number> => {
  const pages = pagesOf(async (from) => {
    const page = await runtime.schedules.list({ ...ofTenant(name), ...from });
    return { rows: page.schedules, cursor: page.cursor };
  });
  let count = 0;
  for await (const page of pages) count += page.filter(isOf(name)).length;
  return count;
};

const countMemories = async ({ memory }: Runtime, { user, tenant }: UserName): Promise<number> => {
  if (memory === null) return 0;
  const pages = pagesOf(async (from) => {
    const page = await memory.list({ reader: { operatorOf: tenant }, user, all: true, ...from });
    return { rows: page.records, cursor: page.cursor };
  });
  let count = 0;
  for await (const page of pages) count += page.length;
  return count;
};

/** A user as one is named in a sentence. */
export const shownUser = ({ user, tenant }: UserName): string => {
  const where = tenant === null ? "outside of all tenants" : `of tenant "${oneLine(tenant, NAME_WIDTH)}"`;
  return `"${oneLine(user, NAME_WIDTH)}" ${where}`;
};

const unknownUser = async (runtime: Runtime, name: UserName): Promise<NotFoundError> =>
  new NotFoundError("USER_NOT_FOUND", `Nothing is known of ${shownUser(name)}.`, {
    hint: hintOf(name, await usersWithSessions(runtime)),
  });

const usersWithSessions = async (runtime: Runtime): Promise<readonly UserName[]> => {
  const users = new Map<string, UserName>();
  const pages = pagesOf(async (from) => {
    const page = await runtime.listSessions(from);
    return { rows: page.sessions, cursor: page.cursor };
  });
  for await (const page of pages)
    for (const { user, tenant } of page)
      if (user !== null) users.set(JSON.stringify([user, tenant]), { user, tenant });
  return [...users.values()];
};

const hintOf = (name: UserName, users: readonly UserName[]): string => {
  const elsewhere = users.find(({ user }) => user === name.user);
  if (elsewhere !== undefined) {
    const how = elsewhere.tenant === null ? "leave --tenant out" : "say so with --tenant";
    return `There is ${shownUser(elsewhere)}: ${how}, if that is who is meant.`;
  }
  const near = nearestName(
    name.user,
    users.flatMap(({ user, tenant }) => (tenant === name.tenant ? [user] : [])),
  );
  return near === undefined
    ? "Name a user as createSession was told, and with --tenant <name> the tenant. See: holdfast sessions list --json"
    : `There is ${shownUser({ ...name, user: near })}, if that is who is meant.`;
};
