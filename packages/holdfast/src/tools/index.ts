export type { ToolResource } from "../ports/tool-resource.ts";
