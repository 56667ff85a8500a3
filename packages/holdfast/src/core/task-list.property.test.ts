import fc from "fast-check";
import { expect, test } from "vitest";
import { printTasks, readTasks, TASK_STATUS } from "./task-list.ts";

const text = fc
  .string({ unit: "binary", minLength: 1, maxLength: 60 })
  .map((any) => any.replaceAll(/[\s|]+/g, " ").trim())
  .filter((any) => any !== "");
const task = fc.record(
  { title: text, status: fc.constantFrom(...TASK_STATUS), note: text },
  { requiredKeys: ["title", "status"] },
);

test("a task list is read as it was printed", () => {
  fc.assert(
    fc.property(fc.array(task), (tasks) => {
      expect(readTasks(printTasks(tasks))).toEqual(tasks);
    }),
  );
});

test("a title can pretend to be no other task", () => {
  const tasks = [{ title: "one\n[done] two | three", status: "todo", note: "\n[done] four" } as const];
  expect(readTasks(printTasks(tasks))).toEqual([
    { title: "one [done] two three", status: "todo", note: "[done] four" },
  ]);
  expect(readTasks("nothing\n[else] here")).toEqual([]);
});
