import { ConflictError, isHoldfastError } from "../../core/index.ts";
import type { ErasedUser } from "../../runtime/index.ts";
import { hasMemory } from "../memories/with-memory.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { durationIn } from "../parsing/time-flag.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { plural } from "../printing/format.ts";
import { wrap } from "../printing/wrap.ts";
import { dataDirFlag, shownDataDir } from "../sessions/data-dir.ts";
import { askToErase, type Word } from "../users/ask-to-erase.ts";
import { type KnownUser, lookAtUser, shownUser, type UserName } from "../users/known-user.ts";
import { type OpenEraser, withEraser } from "../users/with-eraser.ts";

const WIDTH = 80;
const WAIT = "30s";

export const usersErase: Command = {
  args: [{ name: "user", isRequired: true, about: "the name of a user, as createSession was told" }],
  options: {
    tenant: { type: "string", value: "<name>", about: "the tenant whose user it is (none)" },
    wait: {
      type: "string",
      value: "<duration>",
      about: `how long runs under way may take to stop (${WAIT})`,
    },
    yes: { type: "boolean", about: "do not ask: erase it" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Erases the content of all sessions of the user, their schedules, and in the memory.db of the data directory what is " +
      "for them or came from their sessions. It cannot be taken back. Their runs are cancelled first, by the process that " +
      "works them; what nobody works is erased as it stands, and cancelled when somebody takes it up.",
    "Says what there is and asks, on a terminal; elsewhere it takes --yes. Where it fails or is broken off, do it again: " +
      "what is erased stays erased.",
    "Backups are yours to erase, and a memory that is kept elsewhere, as in PostgreSQL, is erased by a process that has it, " +
      "with runtime.eraseUser.",
  ],
  run: async (call) => {
    const name = nameIn(call);
    // What is wrong with it is said before anything else.
    waitIn(call);
    return await withEraser(call, async (eraser) => {
      const known = await lookAtUser(eraser.runtime, name);
      const word = await wordOn(call, name, known);
      if (word !== "yes") {
        call.terminal.err.line("Nothing is erased.");
        return word === "no" ? EXIT.refused : EXIT.interrupted;
      }
      const erased = await erase(call, { ...eraser, name, known });
      if (call.flags.isOn("json")) call.terminal.out.line(JSON.stringify(erased));
      else report(call, name, erased);
      return EXIT.done;
    });
  },
};

/** @throws UsageError */
const nameIn = ({ args, flags }: Invocation): UserName => {
  const [user = ""] = args;
  const tenant = flags.text("tenant") ?? null;
  if (user === "") throw new UsageError("A user has a name: it cannot be empty.");
  if (tenant === "") throw new UsageError("A tenant has a name: leave --tenant out for users who have none.");
  return { user, tenant };
};

/** @throws UsageError */
const waitIn = ({ flags }: Invocation): number => durationIn("wait", flags.text("wait") ?? WAIT);

/** Says what will be gone, and asks. @throws UsageError where nobody can be asked. */
const wordOn = async (call: Invocation, name: UserName, known: KnownUser): Promise<Word> => {
  const { terminal, flags } = call;
  if (flags.isOn("yes")) return "yes";
  const isAsked = !flags.isOn("json") && process.stdin.isTTY && terminal.err.isTty;
  if (!flags.isOn("json")) {
    say(call, `Known of ${shownUser(name)}: ${countsOf(known)}.${activeIn(known)}`);
    say(call, "What was said in them is erased, with its files, and cannot be brought back.");
  }
  if (isAsked) return await askToErase(terminal);
  throw new UsageError(
    "Nothing is erased: it cannot be taken back, and there is nobody to ask.",
    "With --yes it is done without being asked.",
  );
};

const activeIn = ({ active, sessions }: KnownUser): string => {
  if (active === 0) return "";
  const which = active === sessions ? (active === 1 ? "It" : "All sessions") : plural(active, "session");
  return ` ${which} ${active === 1 || which === "It" ? "is" : "are"} still active, and will be cancelled.`;
};

const countsOf = ({ sessions, schedules, memories }: Omit<KnownUser, "active">): string =>
  [plural(sessions, "session"), plural(schedules, "schedule"), plural(memories, "memory", "memories")].join(
    ", ",
  );

type Erasing = OpenEraser & { readonly name: UserName; readonly known: KnownUser };

const erase = async (call: Invocation, { runtime, hasOthers, name, known }: Erasing): Promise<ErasedUser> => {
  const { user, tenant } = name;
  // Where nobody else is there, nobody stops anything either, and nothing is waited for.
  const stopTimeoutMs = hasOthers ? waitIn(call) : 0;
  if (hasOthers && known.active > 0 && !call.flags.isOn("json"))
    say(call, `Their runs are told to stop. That may take up to ${call.flags.text("wait") ?? WAIT}.`);
  try {
    return await runtime.eraseUser({ user, tenant, stopTimeoutMs });
  } catch (thrown) {
    throw stillActive(call, thrown);
  }
};

const MOST_NAMED = 10;

/** The same error, with what there is to do about it from here. */
const stillActive = (call: Invocation, thrown: unknown): unknown => {
  const sessions = isHoldfastError(thrown) ? thrown.failure.details?.["sessions"] : undefined;
  if (!isHoldfastError(thrown) || thrown.code !== "RUN_ACTIVE" || !Array.isArray(sessions)) return thrown;
  const more = sessions.length - MOST_NAMED;
  const hint = [
    ...wrap(
      "They were told to stop. See what each waits for, and then do this again; what is erased stays erased:",
      WIDTH,
    ),
    ...sessions
      .slice(0, MOST_NAMED)
      .map((id) => `  holdfast sessions show ${String(id)}${dataDirFlag(call)}`),
    ...(more > 0 ? [`  and ${more.toLocaleString("en-US")} more`] : []),
  ].join("\n");
  const are = `${plural(sessions.length, "session")} ${sessions.length === 1 ? "is" : "are"}`;
  const message = `Not all runs of this user have stopped: ${are} still active, and not all is erased.`;
  return new ConflictError("RUN_ACTIVE", message, { hint, details: { sessions }, cause: thrown });
};

const report = (call: Invocation, name: UserName, erased: ErasedUser): void => {
  say(call, `What was known of ${shownUser(name)} is erased: ${countsOf(erased)}.`);
  const dataDir = shownDataDir(call);
  if (!hasMemory(call))
    say(call, `There is no memory.db in ${dataDir}; what is remembered elsewhere is still there.`);
  if (erased.copies.length === 0) return;
  say(call, "Copies from before an upgrade may still have it, and are yours to delete:");
  for (const copy of erased.copies) call.terminal.err.line(`  ${dataDir}/${copy}`);
};

const say = ({ terminal }: Pick<Invocation, "terminal">, text: string): void => {
  for (const line of wrap(text, WIDTH)) terminal.err.line(line);
};
