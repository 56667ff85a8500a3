/** House rules that the linter has no rule for. Each has a planted violation in lint.test.ts. */

type Node = {
  readonly type: string;
  readonly kind?: string;
  readonly name?: string;
  readonly callee?: Node;
  readonly arguments?: readonly Node[];
  readonly expression?: Node;
  readonly typeAnnotation?: Node;
  readonly declaration?: Node | null;
  readonly body?: readonly Node[];
};
type Context = { report(problem: { readonly node: Node; readonly message: string }): void };
type Visitor = Readonly<Record<string, (node: Node) => void>>;
type Rule = { create(context: Context): Visitor };

const rule = (create: (report: (node: Node, message: string) => void) => Visitor): Rule => ({
  create: (context) => create((node, message) => context.report({ node, message })),
});

const BARE_ERRORS = new Set([
  "Error",
  "AggregateError",
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

const ownErrors = rule((report) => {
  const check = (node: Node): void => {
    const name = node.callee?.type === "Identifier" ? node.callee.name : undefined;
    if (name !== undefined && BARE_ERRORS.has(name)) {
      report(node, `Use an error class of core/errors.ts, which carries a code, instead of ${name}.`);
    }
  };
  return { NewExpression: check, CallExpression: check };
});

const noClockRead = rule((report) => {
  const isDate = (node: Node): boolean => node.callee?.type === "Identifier" && node.callee.name === "Date";
  return {
    NewExpression(node) {
      if (isDate(node) && node.arguments?.length === 0) report(node, "Time comes from ports/clock.");
    },
    CallExpression(node) {
      if (isDate(node)) report(node, "Time comes from ports/clock.");
    },
  };
});

const noExportAll = rule((report) => ({
  ExportAllDeclaration(node) {
    report(node, "Name what is exported; `export *` hides the public face.");
  },
}));

const noEnum = rule((report) => ({
  TSEnumDeclaration(node) {
    report(node, "Use a union of literals instead of an enum.");
  },
}));

const noDoubleCast = rule((report) => ({
  TSAsExpression(node) {
    const inner = node.expression;
    if (inner?.type === "TSAsExpression" && inner.typeAnnotation?.type === "TSUnknownKeyword") {
      report(node, "Parse the value at the edge instead of casting it twice.");
    }
  },
}));

const noModuleState = rule((report) => ({
  Program(program) {
    for (const statement of program.body ?? []) {
      const declared = statement.declaration ?? statement;
      if (declared.type === "VariableDeclaration" && declared.kind !== "const" && declared.kind !== "using") {
        report(declared, "A module holds no mutable state; give it to what has a lifetime.");
      }
    }
  },
}));

export default {
  meta: { name: "house" },
  rules: {
    "own-errors": ownErrors,
    "no-clock-read": noClockRead,
    "no-export-all": noExportAll,
    "no-enum": noEnum,
    "no-double-cast": noDoubleCast,
    "no-module-state": noModuleState,
  },
};
