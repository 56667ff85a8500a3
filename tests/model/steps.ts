/** All that can happen to a session, each drawn with numbers that say which run, call, person or time is meant. */
import type { Session } from "holdfast";
import type { Play } from "./play.ts";
import type { GivenDecision, GivenResult, ModelEnd, ToolEnd, WhenActive } from "./reference-state.ts";
import { PEOPLE, TOOL_NAMES } from "./tools.ts";

/** Numbers drawn for a step, taken one after another. */
export class Dice {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(count: number): number {
    const drawn = this.#numbers[this.#next % this.#numbers.length] ?? 0;
    this.#next += 1;
    return count <= 0 ? 0 : drawn % count;
  }

  of<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  /** One of them, seldom the first of others that are not meant. */
  mostly<Item>(items: readonly Item[], others: readonly Item[]): Item | undefined {
    const isMeant = this.below(4) > 0 && items.length > 0;
    return this.of(isMeant ? items : others) ?? this.of(items);
  }
}

export type StepKind = {
  readonly name: string;
  readonly weight: number;
  /** Comes from a caller: may be tried at any time. */
  readonly isSignal: boolean;
  readonly can: (play: Play) => boolean;
  readonly take: (play: Play, dice: Dice, isQuiet: boolean) => Promise<void>;
};

const NEVER = 9_999;

type Post = {
  readonly said: string;
  readonly expect: Parameters<Play["post"]>[1];
  readonly ask: Parameters<Play["post"]>[2];
};

const signal = (name: string, weight: number, post: (play: Play, dice: Dice) => Post): StepKind => ({
  name,
  weight,
  isSignal: true,
  can: () => true,
  take: async (play, dice, isQuiet) => {
    if (!isQuiet) await play.hear();
    const { said, expect, ask } = post(play, dice);
    await play.post({ name: said === "" ? name : `${name} ${said}`, isQuiet }, expect, ask);
  },
});

const send = (
  play: Play,
  text: string,
  options: { readonly whenActive: WhenActive; readonly key?: string },
): Post => {
  const { whenActive, key } = options;
  const given = { whenActive, ...(key === undefined ? {} : { idempotencyKey: key }) };
  return {
    said: `${JSON.stringify(text)}${key === undefined ? "" : ` under ${key}`}`,
    expect: (desk) => desk.send(text, options),
    ask: async (session) => play.world.nameOf((await session.send(text, given)).id),
  };
};

const freshInput =
  (whenActive: WhenActive) =>
  (play: Play, dice: Dice): Post => {
    const text = `said ${play.log.length}`;
    const key = dice.below(3) === 0 ? `k${dice.below(6)}` : undefined;
    if (key === undefined) return send(play, text, { whenActive });
    if (!play.said.inputs.has(key)) play.said.inputs.set(key, { text, whenActive });
    return send(play, text, { whenActive, key });
  };

const WAYS = ["queue", "steer", "interrupt", "reject"] as const;

const sends: readonly StepKind[] = [
  signal("send", 7, freshInput("queue")),
  signal("send steer", 4, freshInput("steer")),
  signal("send interrupt", 2, freshInput("interrupt")),
  signal("send reject", 3, freshInput("reject")),
  signal("send again", 2, (play, dice) => {
    const [key, before] = dice.of([...play.said.inputs]) ?? ["k0", { text: "first", whenActive: "queue" }];
    play.said.inputs.set(key, before);
    return send(play, before.text, { whenActive: before.whenActive, key });
  }),
  signal("send other", 2, (play, dice) => {
    const [key] = dice.of([...play.said.inputs]) ?? ["k0"];
    const whenActive = dice.of(WAYS) ?? "queue";
    const text = `said ${play.log.length}`;
    if (!play.said.inputs.has(key)) play.said.inputs.set(key, { text, whenActive });
    return send(play, text, { whenActive, key });
  }),
];

const anyRun = (play: Play, dice: Dice): string => {
  const { run, queue } = play.session;
  const open = [...(run === null ? [] : [run.id, ...run.joined]), ...queue.map(({ id }) => id)];
  const all = Array.from({ length: play.desk.runs }, (_, index) => `r${index + 1}`);
  return dice.mostly(open, [...all, "r0"]) ?? "r0";
};

const callsThat = (play: Play, status: string): readonly number[] =>
  (play.session.run?.calls ?? []).flatMap((call) => (call.status === status ? [call.n] : []));

/** A call that is in this state, or another that is open, was closed, or never was. */
const anyCall = (play: Play, dice: Dice, status: string): number => {
  const others = [dice.below(play.calls + 1), NEVER, ...(play.session.run?.calls ?? []).map(({ n }) => n)];
  return dice.mostly(callsThat(play, status), others) ?? NEVER;
};

const cancelRun =
  (isRollback: boolean) =>
  (play: Play, dice: Dice): Post => {
    const id = anyRun(play, dice);
    const mode = isRollback ? "rollback" : "interrupt";
    return {
      said: id,
      expect: (desk) => desk.cancelRun(id, isRollback),
      ask: (session) => session.cancelRun(play.world.runId(id), { mode }),
    };
  };

const cancels: readonly StepKind[] = [
  signal("cancel run", 2, cancelRun(false)),
  signal("roll back run", 2, cancelRun(true)),
  signal("cancel session", 2, (play) => ({
    said: "",
    expect: (desk) => desk.cancelAll(),
    ask: async (session) => ["ok", ...(await session.cancel()).map((id) => play.world.nameOf(id))].join(" "),
  })),
  signal("cancel call", 4, (play, dice) => {
    const { run } = play.session;
    const n =
      dice.mostly(
        (run?.calls ?? []).map((call) => call.n),
        [dice.below(play.calls + 1), NEVER],
      ) ?? NEVER;
    return {
      said: `${n}`,
      expect: (desk) => desk.cancelCall(n),
      ask: (session) => session.cancelCall(play.world.callId(n)),
    };
  }),
  signal("cancel turn", 2, () => ({
    said: "",
    expect: (desk) => desk.cancelTurn(),
    ask: (session) => session.cancelTurn(),
  })),
];

const plain = (name: string, weight: number, kind: "pause" | "resume" | "forget"): StepKind =>
  signal(name, weight, () => ({
    said: "",
    expect: (desk) => desk.tell(kind),
    ask: (session: Session) => (kind === "forget" ? session.forgetApprovals() : session[kind]()),
  }));

const others: readonly StepKind[] = [
  plain("pause", 3, "pause"),
  plain("resume", 5, "resume"),
  plain("forget approvals", 1, "forget"),
  signal("raise budget", 1, () => ({
    said: "",
    expect: (desk) => desk.raise(),
    ask: (session) => session.raiseBudget({ addTokens: 1_000 }),
  })),
  signal("signal", 5, (_, dice) => {
    const key = `s${dice.below(2)}`;
    const value = dice.below(3);
    const idempotencyKey = dice.below(3) === 0 ? `k${dice.below(3)}` : undefined;
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    return {
      said: `${key} ${value}${idempotencyKey === undefined ? "" : ` under ${idempotencyKey}`}`,
      expect: (desk) => desk.signal(key, value, idempotencyKey),
      ask: (session) => session.signal(key, value, options),
    };
  }),
];

const decide = (
  play: Play,
  what: { readonly n: number; readonly ask: number },
  decision: GivenDecision,
): Post => {
  const { n, ask } = what;
  play.said.decisions.push({ n, ask, decision });
  return {
    said: `${n} ask ${ask} ${JSON.stringify(decision)}`,
    expect: (desk) => desk.decide(n, ask, decision),
    ask: (session, runtime) => {
      const id = play.world.approvalId(n, ask);
      return n % 2 === 0 ? session.decide(id, decision) : runtime.decide(id, decision);
    },
  };
};

const anyQuestion = (play: Play, dice: Dice): { readonly n: number; readonly ask: number } => {
  const open = play.asked.filter(({ n, ask }) => {
    const call = play.session.openCall(n);
    return call !== undefined && play.session.isAsked(call, ask);
  });
  return dice.mostly(open, [...play.asked, { n: NEVER, ask: 1 }]) ?? { n: NEVER, ask: 1 };
};

const decision = (name: string, weight: number, make: (n: number, dice: Dice) => GivenDecision): StepKind =>
  signal(name, weight, (play, dice) => {
    const question = anyQuestion(play, dice);
    const by = dice.of([...PEOPLE, undefined]);
    return decide(play, question, { ...make(question.n, dice), ...(by === undefined ? {} : { by }) });
  });

const approve = { verdict: "approve" } as const;

const decisions: readonly StepKind[] = [
  decision("approve", 8, () => approve),
  decision("reject", 2, (_, dice) => ({
    verdict: "reject",
    ...(dice.below(2) === 0 ? {} : { message: "said no" }),
  })),
  decision("approve edited", 2, (n, dice) => ({ ...approve, input: { n, edit: dice.below(3) } })),
  decision("approve edited badly", 1, () => ({ ...approve, input: { n: "what" } })),
  decision("approve and remember", 2, (_, dice) => ({
    ...approve,
    remember: dice.below(2) === 0 ? "run" : "session",
  })),
  decision("approve malformed", 1, (n) => ({ ...approve, input: { n }, remember: "run" })),
  signal("decide again", 2, (play, dice) => {
    const before = dice.of(play.said.decisions.slice(-4));
    const { n, ask, decision: given } = before ?? { n: NEVER, ask: 1, decision: approve };
    return decide(play, { n, ask }, given);
  }),
];

const submit = (play: Play, n: number, result: GivenResult): Post => {
  play.said.results.push({ n, result });
  return {
    said: `${n} ${JSON.stringify(result)}`,
    expect: (desk) => desk.submit(n, result),
    ask: (session) => session.submitResult(play.world.callId(n), result),
  };
};

const resultFor = (play: Play, n: number, dice: Dice): GivenResult =>
  play.session.openCall(n)?.tool === "ask_user"
    ? { output: dice.of(["yes", "no"]) }
    : { output: { code: `c${dice.below(2)}` } };

const results: readonly StepKind[] = [
  signal("result", 6, (play, dice) => {
    const n = anyCall(play, dice, "handed-over");
    return submit(play, n, resultFor(play, n, dice));
  }),
  signal("result error", 2, (play, dice) =>
    submit(play, anyCall(play, dice, "handed-over"), { error: "said broken" }),
  ),
  signal("result malformed", 1, (play, dice) =>
    submit(play, anyCall(play, dice, "handed-over"), { output: { code: 7 } }),
  ),
  signal("result twofold", 1, (play, dice) =>
    submit(play, anyCall(play, dice, "handed-over"), { output: 1, error: "said both" } as GivenResult),
  ),
  signal("result again", 1, (play, dice) => {
    const { n, result } = dice.of(play.said.results.slice(-4)) ?? {
      n: NEVER,
      result: { error: "said never" },
    };
    return submit(play, n, result);
  }),
];

const resolutions: readonly StepKind[] = (["completed", "failed", "retry"] as const).map((as) =>
  signal(`resolve ${as}`, 2, (play, dice) => {
    const n = anyCall(play, dice, "unknown");
    return {
      said: `${n}`,
      expect: (desk) => desk.resolve(n, as),
      ask: (session) =>
        session.resolveCall(
          play.world.callId(n),
          as === "completed"
            ? { as, output: { found: n } }
            : as === "failed"
              ? { as, message: "said failed" }
              : { as },
        ),
    };
  }),
);

const RETRY_AFTER = [1_000, 4_000, 20_000];

const modelEnd = (play: Play, dice: Dice): ModelEnd => {
  const drawn = dice.below(12);
  if (drawn === 0) return { kind: "fails" };
  if (drawn === 1) return { kind: "fails-for-now", retryAfterMs: dice.of(RETRY_AFTER) ?? 0 };
  if (drawn < 4) return { kind: "text", text: `answer ${play.log.length}` };
  const calls = Array.from({ length: 1 + dice.below(3) }, () => {
    play.calls += 1;
    return {
      n: play.calls,
      tool: dice.below(20) === 0 ? "nothing" : (dice.of([...TOOL_NAMES, "check"]) ?? "look"),
    };
  });
  play.desk.learn(calls.map(({ n }) => n));
  return { kind: "calls", calls };
};

const toolEnd = (play: Play, dice: Dice): ToolEnd => {
  const drawn = dice.below(10);
  if (drawn < 4) return { kind: "done" };
  if (drawn < 5) return { kind: "fails" };
  if (drawn < 6) return { kind: "did-nothing" };
  if (drawn < 7) return { kind: "fails-for-now", retryAfterMs: dice.of(RETRY_AFTER) ?? 0 };
  if (drawn < 9)
    return { kind: "waits-for", key: `s${dice.below(2)}`, timeoutMs: dice.of([null, 4_000, 50_000]) ?? null };
  return { kind: "waits-until", at: play.session.now + (dice.of([1_000, 40_000]) ?? 0) };
};

const TIMES = [200, 1_000, 5_000, 30_000, 60_000, 61_000, 100_000, 250_000];

const death = (name: string, weight: number, times: number): StepKind => ({
  name,
  weight,
  isSignal: false,
  can: () => true,
  take: async (play) => {
    // What was posted quietly is read by the next process.
    for (let time = 0; time < times; time += 1) await play.die();
  },
});

/** What happens by itself. */
const happenings: readonly StepKind[] = [
  {
    name: "model ends",
    weight: 22,
    isSignal: false,
    can: ({ world }) => world.outside.answer !== null,
    take: async (play, dice) => {
      await play.hear();
      const { answer } = play.world.outside;
      if (answer === null) return;
      const end = modelEnd(play, dice);
      await play.happen(
        `model ${JSON.stringify(end)}`,
        (session) => session.modelEnds(end),
        async () => answer(end),
      );
    },
  },
  {
    name: "tool ends",
    weight: 16,
    isSignal: false,
    can: ({ world }) => world.outside.hanging.length > 0,
    take: async (play, dice) => {
      await play.hear();
      const hanging = dice.of(play.world.outside.hanging);
      if (hanging === undefined) return;
      const end = toolEnd(play, dice);
      const { n, attempt } = hanging;
      await play.happen(
        `tool ${n} attempt ${attempt} ${JSON.stringify(end)}`,
        (session) => session.toolEnds(n, attempt, end),
        async () => {
          hanging.end(end);
          // What comes too late is noted through the mailbox, which a worker reads once a second.
          await play.world.rest();
          await play.world.hear();
        },
      );
    },
  },
  {
    name: "time passes",
    weight: 7,
    isSignal: false,
    can: () => true,
    take: async (play, dice) => {
      const ms = dice.of(TIMES) ?? 0;
      let moments: readonly number[] = [];
      await play.happen(
        `${ms} ms pass`,
        (session) => {
          moments = session.advance(ms);
        },
        () => play.world.advance(ms, moments),
      );
    },
  },
  death("process dies", 4, 1),
  death("process keeps dying", 1, 3),
];

export const STEP_KINDS: readonly StepKind[] = [
  ...sends,
  ...cancels,
  ...others,
  ...decisions,
  ...results,
  ...resolutions,
  ...happenings,
];
