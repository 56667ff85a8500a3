import type { ArgumentSpec } from "./command.ts";

export const DELIVERY: ArgumentSpec = {
  name: "delivery",
  isRequired: true,
  about: "a delivery's id, as `holdfast deadletters list` shows it",
};
