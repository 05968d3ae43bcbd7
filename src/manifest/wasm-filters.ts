import type { Json, JsonObject, ManifestDocument, Path } from "./documents.js";
import { isObject } from "./documents.js";

export const typeUrlPrefix = "type.googleapis.com/";
export const wasmFilterType = "envoy.extensions.filters.http.wasm.v3.Wasm";
const wasmTypes: ReadonlySet<string> = new Set([
  wasmFilterType,
  "envoy.extensions.filters.network.wasm.v3.Wasm",
  "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
]);

/** A plugin in the words of Envoy, wherever it stands in a manifest. */
export interface WasmFilter {
  /** The filter: `{name, typed_config}`. */
  readonly path: Path;
  readonly filter: JsonObject;
  /** `@type` is that of the filter itself, or of a TypedStruct around it. */
  readonly form: "direct" | "typed-struct";
  /** The object with `config` in it. */
  readonly bodyPath: Path;
  readonly body: JsonObject;
  /** PluginConfig. Empty where none stands. */
  readonly configPath: Path;
  readonly config: JsonObject;
}

/** Every plugin that a document configures with Envoy's own objects, in order. */
export function wasmFiltersOf(document: ManifestDocument): WasmFilter[] {
  const found: WasmFilter[] = [];
  const visit = (value: Json | undefined, path: Path): void => {
    if (Array.isArray(value)) value.forEach((one, index) => visit(one, [...path, index]));
    if (!isObject(value)) return;
    const filter = wasmFilterAt(value, path);
    if (filter !== undefined) found.push(filter);
    else for (const [key, one] of Object.entries(value)) visit(one, [...path, key]);
  };
  visit(document.value, []);
  return found;
}

function wasmFilterAt(filter: JsonObject, path: Path): WasmFilter | undefined {
  const key = spelling(filter, "typed_config");
  const typed = filter[key];
  if (!isObject(typed)) return undefined;
  const form = formOf(typed);
  if (form === undefined) return undefined;
  const wrapped = form === "typed-struct";
  const value = wrapped ? typed["value"] : typed;
  const body = isObject(value) ? value : {};
  const bodyPath = [...path, key, ...(wrapped ? ["value"] : [])];
  const config = body["config"];
  return {
    path,
    filter,
    form,
    body,
    bodyPath,
    config: isObject(config) ? config : {},
    configPath: [...bodyPath, "config"],
  };
}

function formOf(typed: JsonObject): WasmFilter["form"] | undefined {
  const type = typeName(typed["@type"]);
  if (type !== undefined && wasmTypes.has(type)) return "direct";
  if (type === undefined || !isTypedStruct(type)) return undefined;
  const inner = typeName(typed[spelling(typed, "type_url")]);
  return inner !== undefined && wasmTypes.has(inner) ? "typed-struct" : undefined;
}

export function isTypedStruct(type: string): boolean {
  return type === "udpa.type.v1.TypedStruct" || type === "xds.type.v3.TypedStruct";
}

/** The name behind `type.googleapis.com/`. */
export function typeName(url: Json | undefined): string | undefined {
  return typeof url === "string" ? url.slice(url.lastIndexOf("/") + 1) : undefined;
}

/** The spelling of a protobuf field that `object` uses: `vm_config` (also when it has neither) or `vmConfig`. */
export function spelling(object: JsonObject, field: string): string {
  if (Object.hasOwn(object, field)) return field;
  const camel = camelCase(field);
  return Object.hasOwn(object, camel) ? camel : field;
}

/** A protobuf field under either of its spellings. */
export function field(object: Json | undefined, name: string): Json | undefined {
  return isObject(object) ? object[spelling(object, name)] : undefined;
}

export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
