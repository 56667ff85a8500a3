import { ConfigurationError, ToolError } from "../../core/errors.ts";

/** Of an error's text, which a statement can make as long as it likes. */
const MESSAGE_CHARS = 2_000;

/** Classes of SQLSTATE that another try may get past: connections, deadlocks; and single errors, as waiting too long for a lock. */
const PASSING_STATE = /^(08|40)/;
const PASSING_CODES = [1040, 1203, 1205, 1213, 1226, 2013];

/** Not let in, by whatever the user or the database is; another try says the same. */
const REFUSALS = new Map([
  [1044, "Grant the user something in this database: GRANT SELECT ON database.table TO …."],
  [1045, "Look at the user and the password in the URL, and from which hosts it may log in."],
  [1049, "Look at the name of the database in the URL: the server has none of this name."],
  [1698, "This user logs in without a password, by a socket: make one with a password."],
]);

type Told = {
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly code?: unknown;
  readonly fatal?: unknown;
};

const toldBy = (thrown: unknown): Told => (thrown instanceof Error ? (thrown as Error & Told) : {});

/** What somebody can do who was not let in. */
export const hintOf = (cause: unknown): { readonly hint?: string; readonly retryable?: boolean } => {
  const { errno, code } = toldBy(cause);
  const refused = REFUSALS.get(Number(errno));
  if (refused !== undefined) return { hint: refused, retryable: false };
  if (code === "HANDSHAKE_NO_SSL_SUPPORT" || code === "HANDSHAKE_SSL_ERROR")
    return { hint: "Look at ssl-mode in the URL, and at the certificate of the server.", retryable: false };
  return { hint: "Is the server running, and are host and port in the URL its own?" };
};

type Circumstances = { readonly name: string; readonly mayHaveActed: boolean; readonly signal: AbortSignal };

/** What the server refused was undone with its transaction; what became of a cut commit nobody knows (Q6). */
export const toError = (thrown: unknown, { name, mayHaveActed, signal }: Circumstances): Error => {
  if (thrown instanceof ConfigurationError) return thrown;
  const executed = mayHaveActed ? {} : { executed: false };
  if (signal.aborted)
    return new ToolError(`${name}: the statement was told to stop, and was stopped.`, executed);
  // The answer that was too long for a read is no less certain to have changed nothing.
  if (thrown instanceof ToolError)
    return new ToolError(thrown.message, { ...executed, retryable: thrown.failure.retryable, cause: thrown });
  const { errno, sqlState } = toldBy(thrown);
  const state = typeof sqlState === "string" ? sqlState : "";
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, MESSAGE_CHARS);
  return new ToolError(`${name}: ${message}${state === "" ? "" : ` (SQLSTATE ${state})`}`, {
    ...executed,
    retryable: state === "" || PASSING_STATE.test(state) || PASSING_CODES.includes(Number(errno)),
    cause: thrown,
  });
};
