import type { Json, JsonObject, ManifestDocument, Path } from "../../manifest/documents.js";
import { isObject, nameOf, valueAt } from "../../manifest/documents.js";
import { didYouMean, nearest } from "../../abi/nearest.js";
import {
  field,
  isTypedStruct,
  spelling,
  typeName,
  typeUrlPrefix,
  wasmFilterType,
} from "../../manifest/wasm-filters.js";
import { listAt } from "../context.js";
import type { LintContext } from "../context.js";
import { managersOf } from "../managers.js";
import type { Rule } from "../rule.js";
import { draft, replaceValue, shown } from "../rule.js";
import { router } from "./envoy-filter.js";

const inserting: ReadonlySet<unknown> = new Set(["ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"]);

/** The types of plugins there are. */
const wasmTypes = [
  wasmFilterType,
  "envoy.extensions.filters.network.wasm.v3.Wasm",
  "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
  "envoy.extensions.wasm.v3.WasmService",
  "envoy.extensions.stat_sinks.wasm.v3.Wasm",
  "envoy.extensions.bootstrap.wasm.v3.WasmService",
];

interface FilterPlace {
  readonly document: ManifestDocument;
  readonly at: Path;
  readonly filter: JsonObject;
  readonly applyTo: Json | undefined;
}

/** Filters, and the configurations of some: of EnvoyFilters and of static configurations. */
function values(context: LintContext): FilterPlace[] {
  const found: FilterPlace[] = [];
  for (const { document, path, value, applyTo, operation } of context.patches) {
    const filter = valueAt(value, ["patch", "value"]);
    const isFilter = applyTo === "HTTP_FILTER" || applyTo === "EXTENSION_CONFIG" || applyTo === "NETWORK_FILTER";
    if (isFilter && isObject(filter) && inserting.has(operation)) {
      found.push({ document, at: [...path, "patch", "value"], filter, applyTo });
    }
  }
  for (const document of context.of("Bootstrap")) {
    for (const { path, value } of managersOf(document)) {
      const key = spelling(value, "http_filters");
      for (const [index, filter] of listAt(value, [key]).entries()) {
        const isRouter = isObject(filter) && filter["name"] === router; // M-S1 tells
        if (isObject(filter) && !isRouter)
          found.push({ document, at: [...path, key, index], filter, applyTo: undefined });
      }
    }
  }
  return found;
}

export const filterValueRules: readonly Rule[] = [
  {
    id: "M-F7",
    severity: "error",
    title: "A filter has a name and either typed_config or config_discovery",
    why: "istiod refuses an operation without a value; Envoy refuses a filter without a name, or configured by name alone.",
    fix: "Write name and typed_config.",
    *check(context) {
      for (const { document, path, value, operation, context: where } of context.patches) {
        const given = valueAt(value, ["patch", "value"]);
        if (where === "WAYPOINT" || value["patch"] === undefined || operation === "REMOVE" || given !== undefined)
          continue;
        yield draft(document, [...path, "patch"], "patch.value is missing; only REMOVE needs none");
      }
      for (const { document, at, filter, applyTo } of values(context)) {
        const { name } = filter;
        if (name === undefined || name === "") yield draft(document, at, "a filter needs a name");
        else if (typeof name !== "string")
          yield draft(document, [...at, "name"], `name must be a string, and is ${nameOf(name)}`);
        const [typed, discovery] = [field(filter, "typed_config"), field(filter, "config_discovery")];
        if (typed === undefined && (discovery === undefined || applyTo === "EXTENSION_CONFIG")) {
          yield draft(document, at, "typed_config is required (filters cannot be configured by name alone)");
        } else if (typed !== undefined && discovery !== undefined) {
          yield draft(
            document,
            [...at, spelling(filter, "config_discovery")],
            "typed_config and config_discovery: only one of them can be set",
          );
        }
      }
    },
  },
  {
    id: "M-F8",
    severity: "error",
    title: "typed_config has a type that there is; a TypedStruct has type_url and value",
    why: "istiod refuses unknown types; inside a TypedStruct only Envoy sees the mistake, and rejects the listener.",
    fix: `Use ${typeUrlPrefix}${wasmFilterType}, directly or as type_url of ${typeUrlPrefix}udpa.type.v1.TypedStruct.`,
    *check(context) {
      for (const { document, at, filter } of values(context)) {
        const key = spelling(filter, "typed_config");
        const typed = filter[key];
        if (typed === undefined) continue;
        const path = [...at, key];
        if (!isObject(typed)) {
          yield draft(document, path, `typed_config must be an object, and is ${nameOf(typed)}`);
          continue;
        }
        const type = typeName(typed["@type"]);
        if (type === undefined) {
          yield draft(document, path, 'typed_config has no "@type"');
          continue;
        }
        const problem = typeProblem(type);
        if (problem !== undefined) yield draft(document, [...path, "@type"], problem);
        if (!isTypedStruct(type)) continue;
        const { istio } = context.target;
        if (type.startsWith("xds.") && (istio === undefined || istio < 12)) {
          const severity = istio === undefined ? ("warning" as const) : ("error" as const);
          const message = "xds.type.v3.TypedStruct is refused by Istio 1.11; udpa.type.v1.TypedStruct is taken by all";
          const edits = replaceValue(document, [...path, "@type"], `"${typeUrlPrefix}udpa.type.v1.TypedStruct"`);
          yield draft(document, [...path, "@type"], message, { severity, edits });
        }
        yield* insideTypedStruct(document, path, typed);
      }
    },
  },
];

function* insideTypedStruct(document: ManifestDocument, path: Path, typed: JsonObject) {
  const urlKey = spelling(typed, "type_url");
  const url = typed[urlKey];
  if (url === undefined || url === "") {
    yield draft(document, path, `TypedStruct without type_url; add type_url: ${typeUrlPrefix}${wasmFilterType}`);
  } else {
    const problem = typeProblem(typeName(url) ?? "");
    if (problem !== undefined) yield draft(document, [...path, urlKey], problem);
  }
  for (const key of Object.keys(typed).filter((one) => !["@type", urlKey, "value"].includes(one))) {
    yield draft(document, [...path, key], `${key} stands beside type_url and is not read; move it under value`);
  }
  const isWasm = url !== undefined && wasmTypes.includes(typeName(url) ?? "");
  const config: Json | undefined = valueAt(typed, ["value", "config"]);
  if (isWasm && config === undefined && typed["config"] === undefined) {
    yield draft(document, [...path, "value"], "TypedStruct without value.config: the plugin has no configuration");
  }
}

function typeProblem(type: string): string | undefined {
  if (/\.v2(alpha\d*)?\./.test(type)) return `${type} is of the removed API v2; use ${wasmFilterType}`;
  if (wasmTypes.includes(type) || !/wasm/i.test(type)) return undefined;
  const near = nearest(type, wasmTypes);
  return `${shown(type)} is no type of Envoy${near === undefined ? "" : didYouMean(type, wasmTypes)}`;
}
