import { fileShape } from "./file-shape.js";
import type { JsonSchema } from "./reader.js";
import { definitions } from "./shape.js";

/** JSON Schema (draft 7, as editors read it) of `*.pwh.yaml`: published as `proxy-wasm-harness/schemas/scenario.json`. */
export function scenarioSchema(): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Scenario file of proxy-wasm-harness (*.pwh.yaml)",
    ...fileShape.schema,
    definitions,
  };
}
