export { createIsolation } from "./isolated/create-isolation.ts";
export { isToolHost } from "./isolated/host-mark.ts";
