import type { Outcome, Run, Runtime, Session } from "holdfast";

export const sendOnce = async (runtime: Runtime, mail: { readonly id: string; readonly text: string }) => {
  // #region send
  const session = await runtime.createSession("support", { key: "customer-7", tenant: "acme" });
  const run = await session.send(mail.text, { idempotencyKey: mail.id });
  // #endregion send
  return run;
};

export const sendWithAttributes = async (session: Session): Promise<Run> => {
  // #region prompt-attributes
  const run = await session.send("When do you open tomorrow?", {
    promptAttributes: { timezone: "Europe/Rome", plan: "gold" },
  });
  // #endregion prompt-attributes
  return run;
};

export const describe = async (run: Run): Promise<string> => {
  // #region outcome
  const outcome = await run.outcome();
  switch (outcome.status) {
    case "completed":
      return `${outcome.text} (${outcome.turns} turns, ${outcome.usage.inputTokens} tokens in)`;
    case "failed":
      return `${outcome.failure.code}: ${outcome.failure.message}`;
    case "cancelled":
      return `Stopped; may or may not have happened: ${outcome.unknownCalls.join(", ") || "nothing"}`;
    case "suspended":
      return `Waits for ${outcome.waitingFor.map((wait) => wait.kind).join(", ")}`;
  }
  // #endregion outcome
};

export const resolveUnknown = async (
  session: Session,
  run: Run,
  lookUp: (callId: string) => Promise<string | undefined>,
): Promise<Outcome> => {
  // #region resolve
  const outcome = await run.outcome();
  if (outcome.status !== "suspended") return outcome;
  for (const wait of outcome.waitingFor) {
    if (wait.kind !== "resolution") continue;
    const found = await lookUp(wait.callId);
    await session.resolveCall(
      wait.callId,
      found === undefined ? { as: "retry", by: "ada" } : { as: "completed", output: found, by: "ada" },
    );
  }
  return await run.outcome({ until: "settled" });
  // #endregion resolve
};

export const steer = async (session: Session): Promise<Outcome> => {
  // #region steer
  const steer = await session.send("Only the first order, please.", { whenActive: "steer" });
  return await steer.outcome();
  // #endregion steer
};

export const stop = async (run: Run): Promise<Outcome> => {
  // #region cancel
  await run.cancel("The customer changed their mind.");
  return await run.outcome({ until: "settled" });
  // #endregion cancel
};

export const print = async (run: Run, write: (text: string) => void): Promise<void> => {
  // #region text
  for await (const text of run.textStream) write(text);
  // #endregion text
};

export const follow = async (session: Session, seen: number, tell: (line: string) => void) => {
  let cursor = seen;
  // #region events
  for await (const event of session.events({ after: cursor })) {
    if (event.kind === "delta") tell(`… ${event.text}`);
    if (event.kind !== "event") continue;
    cursor = event.position;
    if (event.type === "tool-call.completed")
      tell(`${event.header.callId} took ${event.header.durationMs} ms`);
    if (event.type === "run.completed") break;
  }
  // #endregion events
  return cursor;
};

export const findAgain = async (runtime: Runtime, runId: string): Promise<Outcome> => {
  // #region find
  const run = await runtime.getRun(runId);
  return await run.outcome();
  // #endregion find
};

export const look = async (runtime: Runtime): Promise<readonly string[]> => {
  // #region list
  const { sessions } = await runtime.listSessions({ agent: "support", status: "suspended", limit: 20 });
  return sessions.map((session) => `${session.sessionId} waits for ${session.waiting}`);
  // #endregion list
};
