import { printTasks, TASK_STATUS, TASK_TOOL, type Task } from "../../core/task-list.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";

type TasksInput = { readonly tasks: readonly Task[] };

const MAX_TASKS = 60;
const MAX_TITLE_CHARS = 200;
const MAX_NOTE_CHARS = 300;

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    tasks: {
      type: "array",
      maxItems: MAX_TASKS,
      description: "The whole list, as it is from now on.",
      items: {
        type: "object",
        properties: {
          title: { type: "string", minLength: 1, maxLength: MAX_TITLE_CHARS },
          status: { enum: TASK_STATUS },
          note: {
            type: "string",
            maxLength: MAX_NOTE_CHARS,
            description: "What stands in its way, or what came of it.",
          },
        },
        required: ["title", "status"],
        additionalProperties: false,
      },
    },
  },
  required: ["tasks"],
  additionalProperties: false,
};

/**
 * Lets the model keep a list of what it has to do. It is as durable as the session: its last version is in the journal, is
 * told to the model also when the turn in which it was made has left the window, and is what `session.tasks()` answers.
 */
export const taskTool = (): DefinedTool<TasksInput, string> =>
  defineTool()({
    name: TASK_TOOL,
    description:
      "Keeps your list of what is to be done. Give the whole list each time; set a task to doing when you begin it, and to done or blocked when it is.",
    inputSchema: INPUT_SCHEMA,
    effect: "read",
    pinned: true,
    // What arrives here has passed the schema.
    execute: (input) => printTasks((input as TasksInput).tasks),
  }) as DefinedTool<TasksInput, string>;
