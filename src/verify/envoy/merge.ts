import type { JsonObject } from "./scenario.js";

/** Objects merged member by member, all else replaced; neither input is changed. */
export function merged(base: JsonObject, over: JsonObject | undefined): JsonObject {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over ?? {})) {
    const below = result[name];
    result[name] = isObject(below) && isObject(value) ? merged(below, value) : value;
  }
  return result;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
