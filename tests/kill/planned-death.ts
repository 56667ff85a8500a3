import { chanceOf, pickOf } from "./chance.ts";

/** How a process is to die: at the n-th of some system calls that one of its threads makes, or after a time. */
export type PlannedDeath =
  | { readonly kind: SyscallKind; readonly nth: number }
  | { readonly kind: "timed"; readonly from: "opening" | "work"; readonly afterMs: number };

/** The system calls between which a death can make a difference, by what the program does with them. */
export const SYSCALLS = {
  write: ["pwrite64"],
  sync: ["fdatasync", "fsync"],
  /** Requests to the service: nothing else is sent in more than one piece. */
  send: ["writev", "sendto", "sendmsg"],
  /** Messages between threads, and what is written down as acknowledged. */
  tell: ["write"],
  receive: ["read", "readv", "recvfrom", "recvmsg"],
  lock: ["fcntl"],
  file: ["ftruncate", "unlink", "unlinkat", "rename", "mkdir", "openat"],
} as const;

export type SyscallKind = keyof typeof SYSCALLS | "any";

export const syscallsOf = (kind: SyscallKind): readonly string[] =>
  kind === "any" ? Object.values(SYSCALLS).flat() : SYSCALLS[kind];

/** How many of each kind one thread made at most in a life that nothing cut short. */
export type Counts = Readonly<Record<SyscallKind, number>>;

/** How often each way to die is drawn: most where something is being made to last, or is told to the world. */
const SHARES: Readonly<Record<PlannedDeath["kind"], number>> = {
  write: 6,
  sync: 5,
  send: 4,
  tell: 3,
  receive: 2,
  lock: 2,
  file: 1,
  any: 1,
  timed: 2,
};

const kinds = (Object.keys(SHARES) as PlannedDeath["kind"][]).flatMap((kind) =>
  Array.from({ length: SHARES[kind] }, () => kind),
);

const LONGEST_TIMED_MS = 400;

/** Drawn from words: half of them anywhere in a life, half of them near its beginning. */
export const planDeath = (words: string, counts: Counts, mayTrace: boolean): PlannedDeath => {
  const kind = mayTrace ? pickOf<PlannedDeath["kind"]>(`${words}:kind`, ["any", ...kinds]) : "timed";
  const where = chanceOf(`${words}:where`);
  const isEarly = chanceOf(`${words}:early`) < 0.4;
  if (kind === "timed")
    return { kind, from: isEarly ? "opening" : "work", afterMs: Math.round(where * LONGEST_TIMED_MS) };
  const most = Math.max(1, counts[kind]);
  return { kind, nth: Math.max(1, Math.ceil(isEarly ? most ** where : most * where)) };
};
