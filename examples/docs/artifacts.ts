/** Files that are kept with the results of calls, and how they are found again. */
import { writeFile } from "node:fs/promises";
import { defineTool, type Session } from "holdfast";
import { z } from "zod";

// #region save
export const closeBooks = defineTool<{ readonly book: (month: string) => Promise<readonly string[]> }>()({
  name: "close_books",
  description: "Closes the books of a month and writes a report.",
  inputSchema: z.object({ month: z.string() }),
  effect: "idempotent",
  async execute({ month }, { artifacts, deps, workspace }) {
    const lines = await deps.book(month);
    const report = await artifacts.save({
      name: `report-${month}.md`,
      mediaType: "text/markdown",
      content: `# ${month}\n\n${lines.join("\n")}\n`,
    });
    // What lies in the workspace already is named by its path.
    await workspace.write("lines.csv", lines.join("\n"));
    await artifacts.save({ name: "lines.csv", mediaType: "text/csv", path: "lines.csv" });
    return { report: report.name, digest: report.digest };
  },
});
// #endregion save

export const collect = async (session: Session, folder: string) => {
  // #region find
  for (const { name, mediaType, bytes, digest, callId, at } of await session.artifacts())
    console.log(name, mediaType, bytes, digest, callId, new Date(at));

  const { content, digest } = await session.artifact("report-2026-11.md");
  await writeFile(`${folder}/${digest}.md`, content);
  // #endregion find
  return digest;
};
