import { readFileSync } from "node:fs";
import { createInMemoryMemory } from "holdfast/stores";

const NOW = Date.UTC(2025, 0, 1);
const DEPTHS = [5, 10, 20];
const ADVERSARIAL = 5;
const PLAIN = { alike: 0, recency: 0, scope: 0, diversity: 0 };

/** Each adds something to the one before. */
export const VARIANTS = [
  { name: "bm25", ranking: PLAIN, stem: false, context: () => [] },
  { name: "+ stem", ranking: PLAIN, stem: true, context: () => [] },
  { name: "+ words that look alike", ranking: { ...PLAIN, alike: 0.3 }, stem: true, context: () => [] },
  {
    name: "+ speaker and time",
    ranking: { ...PLAIN, alike: 0.3 },
    stem: true,
    context: ({ turn }) => [turn.speaker, turn.date],
  },
  {
    name: "+ the turn before",
    ranking: { ...PLAIN, alike: 0.3 },
    stem: true,
    context: ({ turn, before }) => [turn.speaker, turn.date, before?.text],
  },
  {
    name: "+ the turn after",
    ranking: { ...PLAIN, alike: 0.3 },
    stem: true,
    context: ({ turn, before, after }) => [turn.speaker, turn.date, before?.text, after?.text],
  },
  {
    name: "as by default",
    ranking: {},
    stem: true,
    context: ({ turn, before, after }) => [turn.speaker, turn.date, before?.text, after?.text],
  },
];

/** Every turn of a conversation, in order. What a picture shows is part of what was said with it. */
const turnsOf = (conversation) =>
  Object.keys(conversation)
    .flatMap((key) => /^session_(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number)
    .toSorted((one, other) => one - other)
    .flatMap((session) =>
      conversation[`session_${session}`].map(({ dia_id: id, speaker, text, blip_caption: caption }) => ({
        id,
        speaker,
        session,
        date: String(conversation[`session_${session}_date_time`] ?? "").replace(/^.* on /, ""),
        text: [text, caption].filter(Boolean).join(" "),
      })),
    )
    .filter(({ text }) => text.trim() !== "");

/** Two of the file's are spelt like `D:11:26` and `D30:05`. */
const EVIDENCE = /D:?(\d+):0*(\d+)/g;

/** Questions whose evidence is there; some of the file's ids are joined, or of no turn. */
const questionsOf = (qa, turns) => {
  const known = new Set(turns.map(({ id }) => id));
  return qa
    .filter(({ category }) => category !== ADVERSARIAL)
    .map(({ question, evidence = [] }) => {
      const ids = evidence.flatMap((each) => [...String(each).matchAll(EVIDENCE)]);
      return {
        question: String(question),
        evidence: [...new Set(ids.map(([, session, turn]) => `D${session}:${turn}`))].filter((id) =>
          known.has(id),
        ),
      };
    })
    .filter(({ evidence }) => evidence.length > 0);
};

const remember = async (memory, user, { turns, context }) => {
  const scope = { tenant: null, user, agent: null, session: null, namespace: "" };
  const changes = turns.map((turn, at) => {
    const around = turns[at - 1]?.session === turn.session ? turns[at - 1] : undefined;
    const after = turns[at + 1]?.session === turn.session ? turns[at + 1] : undefined;
    const words = context({ turn, before: around, after }).filter(Boolean).join(" ");
    return {
      do: "add",
      memory: {
        scope,
        kind: "episode",
        text: turn.text.slice(0, 20_000),
        context: words === "" ? null : words,
        source: { sessionId: turn.id, position: at },
        origin: "user",
      },
    };
  });
  for (let at = 0; at < changes.length; at += 1_000)
    await memory.write({ by: scope, key: null, now: NOW, changes: changes.slice(at, at + 1_000) });
};

/** The part of a question's evidence that is among the first of what is recalled, at each depth. */
const recallOf = async (memory, user, { question, evidence }) => {
  const viewer = { tenant: null, user, agent: null, session: null };
  const hits = await memory.search({ viewer, text: question, now: NOW, limit: DEPTHS.at(-1) });
  const found = hits.map(({ record }) => record.source.sessionId);
  return DEPTHS.map((depth) => {
    const first = new Set(found.slice(0, depth));
    return evidence.filter((id) => first.has(id)).length / evidence.length;
  });
};

/** The mean over the questions of conversations 1 to 5, of 6 to 10, and of all. */
export const measureLocomo = async (path, { ranking, stem, context }) => {
  const samples = JSON.parse(readFileSync(path, "utf8"));
  const memory = createInMemoryMemory({ ranking, stem });
  const asked = [];
  let ingestMs = 0;
  let turnCount = 0;
  for (const [index, { conversation, qa }] of samples.entries()) {
    const turns = turnsOf(conversation);
    const begin = performance.now();
    await remember(memory, `conversation ${index}`, { turns, context });
    ingestMs += performance.now() - begin;
    turnCount += turns.length;
    for (const question of questionsOf(qa, turns)) {
      const before = performance.now();
      const recall = await recallOf(memory, `conversation ${index}`, question);
      asked.push({ index, recall, queryMs: performance.now() - before });
    }
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  const row = (part, some) => ({
    part,
    questions: some.length,
    recall: DEPTHS.map((_, at) => mean(some.map(({ recall }) => recall[at]))),
    ingestMs: ingestMs / Math.max(turnCount, 1),
    queryMs: mean(some.map(({ queryMs }) => queryMs)),
  });
  return [
    row(
      "1–5",
      asked.filter(({ index }) => index < 5),
    ),
    row(
      "6–10",
      asked.filter(({ index }) => index >= 5),
    ),
    row("all", asked),
  ];
};
