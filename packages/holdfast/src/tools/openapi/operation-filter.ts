import type { OperationFilter } from "./openapi-options.ts";
import type { OperationInfo } from "./operation.ts";

/** Whether a filter means an operation. */
export const isMeant = (operation: OperationInfo, filter: OperationFilter): boolean => {
  if (typeof filter === "function") return filter(operation);
  const { operationId, method, path, tags } = operation;
  const labels = [operationId ?? "", `${method} ${path}`, ...tags.map((tag) => `tag:${tag}`)];
  return filter.some((pattern) => labels.some((label) => fits(label, pattern)));
};

/** `*` stands for anything, also for nothing. */
const fits = (label: string, pattern: string): boolean => {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return label === pattern;
  const last = rest.pop() ?? "";
  if (!label.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return label.length - last.length >= at && label.endsWith(last);
};
