import type { Path } from "../../manifest/documents.js";
import { isObject, nameOf, valueAt } from "../../manifest/documents.js";
import { envoyFilterSchema } from "../crd/envoy-filter.js";
import { trafficExtensionSchema } from "../crd/traffic-extension.js";
import { wasmPluginSchema } from "../crd/wasm-plugin.js";
import { listAt } from "../context.js";
import type { PatchPlace } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, renameKey, replaceValue, shown } from "../rule.js";
import { violations } from "../schema.js";

const schemas = {
  EnvoyFilter: ["networking.istio.io/v1alpha3", envoyFilterSchema],
  WasmPlugin: ["extensions.istio.io/v1alpha1", wasmPluginSchema],
  TrafficExtension: ["extensions.istio.io/v1alpha1", trafficExtensionSchema],
} as const;

export const connectionManager = "envoy.filters.network.http_connection_manager";
export const router = "envoy.filters.http.router";

/** Names of filters before Envoy 1.14, which istiod warns of. Deployment reference, 2.9 row 18 and 2.14. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["envoy.http_connection_manager", connectionManager],
  ["envoy.router", router],
  ["envoy.lua", "envoy.filters.http.lua"],
  ["envoy.cors", "envoy.filters.http.cors"],
  ["envoy.fault", "envoy.filters.http.fault"],
  ["envoy.tcp_proxy", "envoy.filters.network.tcp_proxy"],
]);
/** From this Istio on the aliases match nothing. */
const aliasesEnd = 19;

const matches = ["listener", "routeConfiguration", "cluster", "waypoint"];
const wanted: Readonly<Record<string, string>> = {
  LISTENER: "listener",
  FILTER_CHAIN: "listener",
  NETWORK_FILTER: "listener",
  HTTP_FILTER: "listener",
  ROUTE_CONFIGURATION: "routeConfiguration",
  VIRTUAL_HOST: "routeConfiguration",
  HTTP_ROUTE: "routeConfiguration",
  CLUSTER: "cluster",
};

const filterSteps: Path = ["match", "listener", "filterChain", "filter"];
const relative: ReadonlySet<unknown> = new Set(["INSERT_BEFORE", "INSERT_AFTER", "REPLACE", "REMOVE"]);
const isSkipped = ({ context }: PatchPlace): boolean => context === "WAYPOINT";

/** The name of the HTTP filter that a patch anchors on. */
const anchorOf = ({ value }: PatchPlace): unknown => valueAt(value, [...filterSteps, "subFilter", "name"]);

export const envoyFilterRules: readonly Rule[] = [
  {
    id: "M-F1",
    severity: "error",
    general: true,
    title: "The object is as its custom resource definition has it, without unknown fields",
    why: "The API server refuses it; an older kubectl lets unknown fields vanish, and the filter matches more than was meant.",
    fix: "Write the field as it is named in the message.",
    *check(context) {
      for (const document of context.of("EnvoyFilter", "WasmPlugin", "TrafficExtension")) {
        const [version, schema] = schemas[document.kind as keyof typeof schemas];
        if (document.value["apiVersion"] !== version) {
          const message = `apiVersion ${shown(document.value["apiVersion"])}: only ${version} is served`;
          yield draft(document, ["apiVersion"], message, { edits: replaceValue(document, ["apiVersion"], version) });
        }
        const spec = document.value["spec"];
        if (!isObject(spec)) yield draft(document, ["spec"], `spec must be an object, and is ${nameOf(spec)}`);
        for (const { path, message, rename } of violations(schema, isObject(spec) ? spec : undefined, ["spec"])) {
          const name = path.at(-1);
          const text = typeof name === "string" ? `${name}: ${message}` : message;
          yield draft(document, path, text, { edits: rename === undefined ? [] : renameKey(document, path, rename) });
        }
      }
    },
  },
  {
    id: "M-F2",
    severity: "error",
    title: "Each patch says applyTo, patch and operation, and its match is of that kind",
    why: "istiod refuses the EnvoyFilter.",
    fix: "Use a listener match for HTTP_FILTER and other listener objects, routeConfiguration for routes, cluster for CLUSTER.",
    *check(context) {
      for (const document of context.of("EnvoyFilter")) {
        if (listAt(document.value, ["spec", "configPatches"]).length > 0) continue;
        yield draft(document, ["spec", "configPatches"], "there is no patch: the EnvoyFilter does nothing", {
          severity: "warning",
        });
      }
      for (const patch of context.patches.filter((one) => !isSkipped(one))) {
        const { document, path, value, applyTo, operation } = patch;
        if (applyTo === undefined || applyTo === "INVALID") {
          yield draft(document, [...path, "applyTo"], "applyTo is missing");
        }
        if (value["patch"] === undefined) yield draft(document, [...path, "patch"], "patch is missing");
        else if (operation === undefined || operation === "INVALID") {
          yield draft(document, [...path, "patch", "operation"], "patch.operation is missing");
        }
        const kind = wanted[String(applyTo)];
        const given = matches.filter((name) => valueAt(value, ["match", name]) !== undefined);
        for (const name of kind === undefined ? [] : given.filter((one) => one !== kind)) {
          yield draft(
            document,
            [...path, "match", name],
            `applyTo ${String(applyTo)} needs a ${kind} match, not ${name}`,
          );
        }
        const filter = valueAt(value, filterSteps);
        if (filter !== undefined && (applyTo === "LISTENER" || applyTo === "FILTER_CHAIN")) {
          const message = `a filter match has no effect with applyTo ${applyTo}`;
          yield draft(document, [...path, ...filterSteps], message, { severity: "warning" });
        }
      }
    },
  },
  {
    id: "M-F3",
    severity: "warning",
    title: "Filters are named as since Envoy 1.14",
    why: "The old aliases match nothing from Istio 1.19 on (an error for such a target).",
    fix: "Use the name in the message.",
    *check(context) {
      const { istio } = context.target;
      const severity = istio !== undefined && istio >= aliasesEnd ? ("error" as const) : ("warning" as const);
      for (const { document, path, value } of context.patches) {
        for (const steps of [
          [...filterSteps, "name"],
          [...filterSteps, "subFilter", "name"],
        ]) {
          const name = valueAt(value, steps);
          const better = aliases.get(String(name));
          if (better === undefined) continue;
          const edits = replaceValue(document, [...path, ...steps], better);
          const message = `"${String(name)}" is an old alias that matches nothing from Istio 1.${aliasesEnd} on; use "${better}"`;
          yield draft(document, [...path, ...steps], message, { severity, edits });
        }
      }
    },
  },
  {
    id: "M-F4",
    severity: "warning",
    title: "The anchor is the router",
    why: "Another filter may be missing in that chain, and then nothing is inserted, silently.",
    fix: `Anchor on ${router}.`,
    *check(context) {
      for (const patch of context.patches) {
        const anchor = anchorOf(patch);
        const inserts = patch.operation === "INSERT_BEFORE" || patch.operation === "INSERT_AFTER";
        if (patch.applyTo !== "HTTP_FILTER" || !inserts || typeof anchor !== "string") continue;
        if (anchor === router || aliases.get(anchor) === router) continue;
        const message = `anchor "${anchor}" is not guaranteed to exist on this listener; ${String(patch.operation)} does nothing when it is missing`;
        yield draft(patch.document, [...patch.path, ...filterSteps, "subFilter", "name"], message);
      }
    },
  },
  {
    id: "M-F5",
    severity: "error",
    title: "An HTTP filter is inserted before the router",
    why: "ADD and INSERT_AFTER put it behind the router, and Envoy rejects the listener. filterClass is read by nobody.",
    fix: `Use INSERT_BEFORE with subFilter ${router}.`,
    *check(context) {
      for (const patch of context.patches) {
        const { document, path, applyTo, operation, value } = patch;
        const at = [...path, "patch", "operation"];
        const filterClass = valueAt(value, ["patch", "filterClass"]);
        if (filterClass !== undefined && filterClass !== "UNSPECIFIED") {
          const message = `filterClass ${shown(filterClass)} has no effect: no istiod reads it`;
          yield draft(document, [...path, "patch", "filterClass"], message, { severity: "warning" });
        }
        if (applyTo !== "HTTP_FILTER") continue;
        const anchor = anchorOf(patch);
        if (operation === "ADD") {
          yield draft(
            document,
            at,
            "operation ADD appends after the router and Envoy rejects the listener; use INSERT_BEFORE",
          );
        } else if (operation === "INSERT_AFTER" && (anchor === undefined || anchor === router)) {
          yield draft(
            document,
            at,
            "INSERT_AFTER without an anchor, or after the router, is behind the router and Envoy rejects the listener",
          );
        } else if ((operation === "REPLACE" || operation === "REMOVE") && anchor === router) {
          yield draft(document, at, `${operation} takes the router away, and Envoy rejects the listener`);
        } else if (operation === "INSERT_BEFORE" && anchor === undefined) {
          yield draft(document, at, "without a subFilter the filter stands first, not before the router", {
            severity: "information",
          });
        } else if ((operation === "REPLACE" || operation === "REMOVE") && anchor === undefined) {
          yield draft(document, at, `${operation} without a subFilter is ignored`, { severity: "warning" });
        }
      }
    },
  },
  {
    id: "M-F6",
    severity: "error",
    title: "A subFilter match is of HTTP_FILTER, in the HTTP connection manager, and both have names",
    why: "istiod refuses the EnvoyFilter.",
    fix: `Name the filter ${connectionManager}, and the subFilter.`,
    *check(context) {
      for (const patch of context.patches.filter((one) => !isSkipped(one))) {
        const { document, path, value, applyTo } = patch;
        const filter = valueAt(value, filterSteps);
        if (!isObject(filter) || wanted[String(applyTo)] !== "listener") continue;
        const at = [...path, ...filterSteps];
        const { name, subFilter } = filter;
        if (name === undefined || name === "") yield draft(document, at, "filter match has no name to match on");
        if (subFilter === undefined) continue;
        const of = [...at, "subFilter"];
        if (applyTo !== "HTTP_FILTER")
          yield draft(document, of, "subfilter match can be used with applyTo HTTP_FILTER only");
        else if (name !== undefined && name !== connectionManager && aliases.get(String(name)) !== connectionManager) {
          yield draft(document, of, `subfilter match requires filter match with ${connectionManager}`);
        }
        const subName = isObject(subFilter) ? subFilter["name"] : undefined;
        if (subName === undefined || subName === "")
          yield draft(document, of, "subfilter match has no name to match on");
      }
    },
  },
  {
    id: "M-F18",
    severity: "error",
    title: "An EXTENSION_CONFIG is added, and a filter with its name asks for it",
    why: "Other operations are dropped without a message; a configuration that nobody asks for does nothing.",
    fix: "Use operation ADD and an HTTP_FILTER patch with config_discovery of the same name.",
    *check(context) {
      for (const { document, path, applyTo, operation, value } of context.patches) {
        if (applyTo !== "EXTENSION_CONFIG") continue;
        if (operation !== "ADD" && operation !== undefined) {
          yield draft(
            document,
            [...path, "patch", "operation"],
            `EXTENSION_CONFIG knows ADD only; ${shown(operation)} is dropped without a message`,
          );
        }
        const name = valueAt(value, ["patch", "value", "name"]);
        const askers = context.patches.filter(
          (one) =>
            one.applyTo === "HTTP_FILTER" &&
            valueAt(one.value, ["patch", "value", "name"]) === name &&
            discovery(one) !== undefined,
        );
        if (askers.length === 0) {
          yield draft(
            document,
            [...path, "patch", "value", "name"],
            `extension config ${shown(name)} is never referenced by a config_discovery filter`,
          );
        }
        for (const one of askers) {
          const types = listAt(discovery(one), ["type_urls"]).concat(listAt(discovery(one), ["typeUrls"]));
          if (types.length === 0 || types.some((type) => String(type).endsWith(".wasm.v3.Wasm"))) continue;
          yield draft(
            one.document,
            [...one.path, "patch", "value"],
            "type_urls lacks type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
          );
        }
      }
    },
  },
  {
    id: "M-F20",
    severity: "warning",
    title: "An EnvoyFilter has less than 250,000 bytes",
    why: "Client-side apply fails above 262,144 bytes of annotation, etcd above 1.5 MiB, and every push carries it.",
    fix: "Take the module out of inline_bytes: a file, a WasmPlugin or a remote source.",
    *check(context) {
      for (const document of context.of("EnvoyFilter")) {
        const bytes = Buffer.byteLength(JSON.stringify(document.value));
        if (bytes <= 250_000) continue;
        yield draft(
          document,
          ["metadata", "name"],
          `EnvoyFilter has ${bytes} bytes; client-side apply fails above 262144 and every config push carries it`,
        );
      }
    },
  },
  {
    id: "M-F21",
    severity: "warning",
    title: "An EnvoyFilter with a relative operation has a priority",
    why: '"istioctl analyze" reports IST0151: among several EnvoyFilters the order is by age.',
    fix: "Set spec.priority, by convention a multiple of 10.",
    *check(context) {
      for (const document of context.of("EnvoyFilter")) {
        const priority = valueAt(document.value, ["spec", "priority"]);
        const uses = context.patches.find((one) => one.document === document && relative.has(one.operation));
        if (uses === undefined || (priority !== undefined && priority !== 0)) continue;
        const message = `${String(uses.operation)} without a priority: "istioctl analyze" will report IST0151; set spec.priority, such as 10`;
        yield draft(document, [...uses.path, "patch", "operation"], message);
      }
    },
  },
];

const discovery = ({ value }: PatchPlace) =>
  valueAt(value, ["patch", "value", "config_discovery"]) ?? valueAt(value, ["patch", "value", "configDiscovery"]);
