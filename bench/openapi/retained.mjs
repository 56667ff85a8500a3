/** Whether a tool's schema has every parameter and every field of the body, with its required flag. */
import { membersOf } from "./document.mjs";

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** What is missing, in words; and what is left out on purpose, by a documented rule. */
export const lostBy = (root, operation, schema) => {
  const lost = [];
  const byRule = [];
  const properties = schema.properties ?? {};
  const names = operation.parameters.map(({ name }) => name);
  const isGrouped = operation.parameters.length > 0 && isGroup(operation, properties, names);
  for (const parameter of operation.parameters) {
    const home = isGrouped ? properties[parameter.in] : schema;
    const isThere = home?.properties !== undefined && Object.hasOwn(home.properties, parameter.name);
    const wanted = parameter.in === "path" || parameter.required === true;
    const is = home?.required?.includes(parameter.name) === true;
    if (isThere && wanted === is) continue;
    const what = `${parameter.in} ${parameter.name}: ${isThere ? "required flag" : "absent"}`;
    const rule = isThere ? undefined : ruleFor(parameter, operation);
    (rule === undefined ? lost : byRule).push(rule === undefined ? what : `${rule}: ${what}`);
  }
  if (operation.body !== null) compareBody(root, operation, { schema, lost, byRule });
  return { lost, byRule };
};

const isGroup = ({ parameters, body }, properties, names) =>
  new Set(names).size < names.length ||
  (body !== null && names.includes("body")) ||
  parameters.some(
    ({ in: place, name }) => properties[place]?.properties?.[name] !== undefined && !names.includes(place),
  );

const ruleFor = ({ in: place, name }, { path }) => {
  if (place === "header" && /^(x-)?idempotency-key$/i.test(name)) return "the runtime gives the key";
  if (place === "header" && !TOKEN.test(name)) return "no header can have the name";
  if (place === "path" && !path.includes(name)) return "the path has no such part";
  return undefined;
};

const compareBody = (root, { body, parameters }, { schema, lost, byRule }) => {
  const wanted = membersOf(root, body.media.schema);
  const inBody = schema.properties?.body;
  const taken = new Set(parameters.map(({ name }) => name));
  const isFlat = [...wanted.names].some(
    (name) => schema.properties?.[name] !== undefined && !taken.has(name) && name !== "body",
  );
  if (inBody === undefined && !isFlat && wanted.names.size > 0) return void lost.push("body: absent");
  if (inBody !== undefined && !isFlat && (schema.required?.includes("body") === true) !== body.required)
    lost.push("body: required flag");
  if (inBody === undefined && !isFlat && wanted.names.size === 0) return void lost.push("body: absent");
  const found = isFlat
    ? membersOf(schema, { properties: schema.properties, required: schema.required })
    : membersOf(schema, inBody);
  compare(wanted, found, { lost, byRule });
};

const compare = (wanted, found, { lost, byRule }) => {
  for (const name of wanted.names) {
    if (!found.names.has(name)) lost.push(`field ${name}: absent`);
    else if (wanted.required.has(name) !== found.required.has(name)) {
      if (wanted.returned.has(name)) byRule.push(`readOnly is not asked for: field ${name}`);
      else lost.push(`field ${name}: required flag`);
    }
  }
  wanted.alternatives.forEach((each, index) => {
    const other = found.alternatives[index];
    if (other === undefined && each.names.size > 0) lost.push(`alternative ${index}: absent`);
    else if (other !== undefined) compare(each, other, { lost, byRule });
  });
};
