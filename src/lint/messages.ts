import { didYouMean, sameLetters } from "../abi/nearest.js";
import type { Json, JsonObject, Path } from "../manifest/documents.js";
import { isObject, nameOf } from "../manifest/documents.js";
import { camelCase, typeName } from "../manifest/wasm-filters.js";

/** A protobuf field as JSON has it. */
type Kind = "string" | "bool" | "number" | "bytes" | "duration" | "any" | "struct" | "opaque" | Words | Message;
/** Names of an enumeration. */
interface Words {
  readonly words: readonly string[];
}

export interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<string, Kind | { readonly list: Kind } | { readonly map: Kind }>>;
}

const message = (name: string, fields: Message["fields"]): Message => ({ name, fields });

const empty = message("SanitizationConfig", {});
const backoff = message("BackoffStrategy", { base_interval: "duration", max_interval: "duration" });
const httpUri = message("HttpUri", { uri: "string", cluster: "string", timeout: "duration" });
const retry = message("RetryPolicy", {
  num_retries: "number",
  retry_back_off: backoff,
  retry_on: "string",
  retry_priority: "opaque",
  retry_host_predicate: "opaque",
  host_selection_retry_max_attempts: "number",
});
const local = message("DataSource", {
  filename: "string",
  inline_bytes: "bytes",
  inline_string: "string",
  environment_variable: "string",
  watched_directory: message("WatchedDirectory", { path: "string" }),
});
const remote = message("RemoteDataSource", { http_uri: httpUri, sha256: "string", retry_policy: retry });
const vmConfig = message("VmConfig", {
  vm_id: "string",
  runtime: "string",
  code: message("AsyncDataSource", { local, remote }),
  configuration: "any",
  allow_precompiled: "bool",
  nack_on_code_cache_miss: "bool",
  environment_variables: message("EnvironmentVariables", {
    host_env_keys: { list: "string" },
    key_values: { map: "string" },
  }),
});

/** `envoy.extensions.wasm.v3.PluginConfig`. Deployment reference, 2.11. */
export const pluginConfig = message("PluginConfig", {
  name: "string",
  root_id: "string",
  vm_config: vmConfig,
  configuration: "any",
  fail_open: "bool",
  failure_policy: { words: ["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"] },
  reload_config: message("ReloadConfig", { backoff }),
  capability_restriction_config: message("CapabilityRestrictionConfig", { allowed_capabilities: { map: empty } }),
  allow_on_headers_stop_iteration: "bool",
});

export interface Misfit {
  readonly path: Path;
  readonly text: string;
  readonly rename?: string;
}

const isGiven = (value: JsonObject, name: string): boolean => name in value || camelCase(name) in value;

/** What Envoy's strict JSON parser would have against `value`: unknown fields, wrong types, a field in both spellings. */
export function* misfits(of: Message, value: JsonObject, path: Path): Generator<Misfit> {
  const names = Object.keys(of.fields);
  const seen = new Set<string>();
  for (const [key, one] of Object.entries(value)) {
    const name = names.find((known) => known === key || camelCase(known) === key);
    const at = [...path, key];
    if (name === undefined) {
      const text = `${key}: unknown field of ${of.name}${didYouMean(key, names)}`;
      const meant = names.find((known) => sameLetters(known, key) && !isGiven(value, known));
      yield { path: at, text, ...(meant !== undefined && { rename: meant }) };
      continue;
    }
    if (seen.has(name)) yield { path: at, text: `${name} stands in both spellings` };
    seen.add(name);
    if (one === null || one === undefined) continue;
    const kind = of.fields[name]!;
    if (typeof kind === "object" && "list" in kind) {
      if (!Array.isArray(one)) yield { path: at, text: `${name} must be a list, and is ${nameOf(one)}` };
      else for (const [index, element] of one.entries()) yield* misfitsOfKind(kind.list, element, [...at, index], name);
    } else if (typeof kind === "object" && "map" in kind) {
      if (!isObject(one)) yield { path: at, text: `${name} must be an object, and is ${nameOf(one)}` };
      else
        for (const [inner, element] of Object.entries(one))
          yield* misfitsOfKind(kind.map, element, [...at, inner], inner);
    } else yield* misfitsOfKind(kind, one, at, name);
  }
}

function* misfitsOfKind(kind: Kind, value: Json | undefined, path: Path, name: string): Generator<Misfit> {
  if (value === undefined) return;
  const wrong = (wanted: string): Misfit => ({ path, text: `${name} must be ${wanted}, and is ${nameOf(value)}` });
  if (typeof kind === "object") {
    if ("fields" in kind) {
      if (isObject(value)) yield* misfits(kind, value, path);
      else yield wrong("an object");
    } else if (typeof value === "string" ? !kind.words.includes(value) : typeof value !== "number") {
      yield { path, text: `${name} is none of ${kind.words.join(", ")}` };
    }
    return;
  }
  switch (kind) {
    case "bool":
      // a BoolValue and a bool are written alike
      if (typeof value !== "boolean") yield wrong("true or false");
      break;
    case "number":
      if (typeof value !== "number" && !/^\d+$/.test(String(value))) yield wrong("a number");
      break;
    case "string":
    case "bytes":
      if (typeof value !== "string") yield wrong("a string (write it in quotes)");
      break;
    case "duration":
      if (typeof value !== "string" || !/^-?\d+(\.\d{1,9})?s$/.test(value))
        yield { path, text: `${name} must be a duration in seconds, such as 5s` };
      break;
    case "any":
      yield* misfitsOfAny(value, path, name);
      break;
    default:
      break;
  }
}

const wrappers = [
  "StringValue",
  "BytesValue",
  "Struct",
  "Value",
  "ListValue",
  "BoolValue",
  "Int32Value",
  "Int64Value",
  "UInt32Value",
  "UInt64Value",
  "FloatValue",
  "DoubleValue",
  "Duration",
  "Timestamp",
  "FieldMask",
  "Any",
].map((name) => `google.protobuf.${name}`);

/** The one form that every plugin reads as text. */
export const stringValueForm = '{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "…"}';

function* misfitsOfAny(value: Json, path: Path, name: string): Generator<Misfit> {
  if (!isObject(value)) {
    yield { path, text: `${name} must be ${stringValueForm}; ${nameOf(value)} is not accepted` };
    return;
  }
  const type = typeName(value["@type"]);
  if (type === undefined) {
    yield { path, text: `${name} has no "@type"; write ${stringValueForm}` };
  } else if (wrappers.includes(type)) {
    for (const key of Object.keys(value)) {
      if (key !== "@type" && key !== "value")
        yield { path: [...path, key], text: `${key} stands beside "@type"; a ${type} has its content in value` };
    }
    if (value["value"] === undefined) yield { path, text: `${name} of ${type} has no value` };
    else if (type === "google.protobuf.StringValue" && typeof value["value"] !== "string") {
      yield {
        path: [...path, "value"],
        text: `value of a StringValue must be a string, and is ${nameOf(value["value"])}`,
      };
    }
  } else if (type.startsWith("google.protobuf.")) {
    yield { path: [...path, "@type"], text: `${type} is no type of protobuf${didYouMean(type, wrappers)}` };
  }
}
