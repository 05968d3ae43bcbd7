import type { Json, JsonObject, ManifestDocument, Path } from "../manifest/documents.js";
import { isObject } from "../manifest/documents.js";
import { typeName } from "../manifest/wasm-filters.js";

export interface Found {
  readonly path: Path;
  readonly value: JsonObject;
}

/** Every object below `value` for which `wanted` holds, outermost first. */
export function* objects(value: Json | undefined, path: Path, wanted: (one: JsonObject) => boolean): Generator<Found> {
  if (Array.isArray(value)) for (const [index, one] of value.entries()) yield* objects(one, [...path, index], wanted);
  if (!isObject(value)) return;
  if (wanted(value)) yield { path, value };
  for (const [key, one] of Object.entries(value)) yield* objects(one, [...path, key], wanted);
}

const managerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const isManager = (one: JsonObject): boolean => typeName(one["@type"]) === managerType;

/** The HTTP connection managers of a static configuration. */
export const managersOf = ({ value }: ManifestDocument): Generator<Found> => objects(value, [], isManager);
