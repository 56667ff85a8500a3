/** What a task list may say of a task. */
export const TASK_STATUS = ["todo", "doing", "done", "blocked"] as const;

export type TaskStatus = (typeof TASK_STATUS)[number];

/** One thing that a session is to do, or did. */
export type Task = {
  readonly title: string;
  readonly status: TaskStatus;
  /** What stands in its way, or what came of it. */
  readonly note?: string;
};

/** The tool whose last result is the session's task list. */
export const TASK_TOOL = "update_tasks";

const NONE = "There are no tasks.";
const SEPARATOR = " | ";

/** A task list as it is journaled and the model reads it: a line for each. */
export const printTasks = (tasks: readonly Task[]): string =>
  tasks.length === 0 ? NONE : tasks.map(printTask).join("\n");

const printTask = ({ title, status, note }: Task): string =>
  `[${status}] ${oneLine(title)}${note === undefined ? "" : `${SEPARATOR}${oneLine(note)}`}`;

const oneLine = (text: string): string => text.replaceAll(/[\s|]+/g, " ").trim();

const LINE = /^\[(todo|doing|done|blocked)\] ([^|]*?)(?: \| (.*))?$/;

/** The task list in a result that was journaled; a line that is of no such form is none of ours. */
export const readTasks = (text: string): readonly Task[] =>
  text.split("\n").flatMap((line) => {
    const [, status, title, note] = LINE.exec(line) ?? [];
    if (title === undefined || !isTaskStatus(status)) return [];
    return [{ title, status, ...(note === undefined ? {} : { note }) }];
  });

const isTaskStatus = (value: unknown): value is TaskStatus => TASK_STATUS.some((status) => status === value);
