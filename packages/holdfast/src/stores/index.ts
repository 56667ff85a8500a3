export { createInMemoryStore, type InMemoryStore } from "./in-memory/in-memory-store.ts";
