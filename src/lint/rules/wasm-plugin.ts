import type { Json, JsonObject, ManifestDocument, Path } from "../../manifest/documents.js";
import { isObject, nameOf, valueAt } from "../../manifest/documents.js";
import { listAt, namespaceOf, selectorOf, textAt } from "../context.js";
import type { LintContext } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";
import { isSubdomain } from "../../manifest/names.js";

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const enumsOfWasm = ["imagePullPolicy", "failStrategy", "type"];
const bigInteger = 2 ** 53;

/** What came with which minor of Istio. Deployment reference, 5.1 and 10. */
const since: readonly (readonly [field: string, value: string | undefined, minor: number])[] = [
  ["match", undefined, 16],
  ["failStrategy", undefined, 19],
  ["failStrategy", "FAIL_RELOAD", 27],
  ["type", undefined, 20],
  ["vmConfig", undefined, 14],
];

/** Every number of a configuration, with its place. */
function* numbers(value: Json | undefined, path: Path): Generator<{ path: Path; value: number }> {
  if (typeof value === "number") yield { path, value };
  else if (Array.isArray(value)) for (const [index, one] of value.entries()) yield* numbers(one, [...path, index]);
  else if (isObject(value)) for (const [key, one] of Object.entries(value)) yield* numbers(one, [...path, key]);
}

const both = (context: LintContext): ManifestDocument[] => context.of("WasmPlugin", "TrafficExtension");
const isGateway = (document: ManifestDocument): boolean =>
  /gateway/.test(String(selectorOf(document)?.labels["istio"] ?? ""));

export const wasmPluginRules: readonly Rule[] = [
  {
    id: "M-W7",
    severity: "error",
    title: "imagePullSecret is the name of a Secret in the plugin's namespace",
    why: "Longer names are refused; a namespace before a slash is ignored (a warning), as is the secret of what is no image.",
    fix: "Put the Secret into the namespace of the plugin and name it alone.",
    *check(context) {
      for (const { document, path, value } of context.wasmPlugins()) {
        const secret = value["imagePullSecret"];
        if (typeof secret !== "string") continue;
        const at = [...path, "imagePullSecret"];
        const where = namespaceOf(document) ?? "of the plugin";
        if (secret.includes("/")) {
          yield draft(
            document,
            at,
            `imagePullSecret must be a Secret name in namespace ${where}; what stands before the slash is ignored`,
            { severity: "warning" },
          );
        } else if (!isSubdomain(secret)) {
          yield draft(
            document,
            at,
            `imagePullSecret must be the name of a Secret (1 to 253 characters), and has ${secret.length}`,
          );
        }
        if (/^(https?|file):/.test(String(value["url"]))) {
          yield draft(document, at, "imagePullSecret is used for images only", { severity: "warning" });
        }
      }
    },
  },
  {
    id: "M-W8",
    severity: "error",
    title: "pluginName has 1 to 256 characters; phase, policies, type and mode are words that the kind knows",
    why: "istiod and the API server refuse others.",
    fix: "Write one of the words in the message.",
    *check(context) {
      for (const document of both(context)) {
        const unspecified = document.kind === "WasmPlugin" ? "UNSPECIFIED_PHASE" : "UNSPECIFIED";
        yield* word(document, ["spec", "phase"], ["AUTHN", "AUTHZ", "STATS", unspecified]);
        for (const index of listAt(document.value, ["spec", "match"]).keys()) {
          yield* word(
            document,
            ["spec", "match", index, "mode"],
            ["CLIENT", "SERVER", "CLIENT_AND_SERVER", "UNDEFINED"],
          );
        }
      }
      const words: Readonly<Record<string, readonly string[]>> = {
        imagePullPolicy: ["IfNotPresent", "Always", "UNSPECIFIED_POLICY"],
        failStrategy: ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"],
        type: ["HTTP", "NETWORK", "UNSPECIFIED_PLUGIN_TYPE"],
      };
      for (const { document, path, value } of context.wasmPlugins()) {
        for (const name of enumsOfWasm) yield* word(document, [...path, name], words[name]!);
        const name = value["pluginName"];
        if (typeof name === "string" && (name === "" || name.length > 256)) {
          yield draft(
            document,
            [...path, "pluginName"],
            `pluginName must have 1 to 256 characters, and has ${name.length}`,
          );
        }
      }
    },
  },
  {
    id: "M-W9",
    severity: "error",
    title: "priority fits in 32 bits",
    why: "istiod and the API server refuse it.",
    fix: "Use a number between -2147483648 and 2147483647.",
    *check(context) {
      for (const document of [...both(context), ...context.of("EnvoyFilter")]) {
        const priority = valueAt(document.value, ["spec", "priority"]);
        if (typeof priority !== "number" || (priority >= -(2 ** 31) && priority < 2 ** 31)) continue;
        yield draft(document, ["spec", "priority"], `priority ${priority} exceeds int32`);
      }
    },
  },
  {
    id: "M-W10",
    severity: "error",
    title: "pluginConfig is an object, with integers within 2^53",
    why: "Others are refused; numbers are doubles on their way, and larger integers change (a warning).",
    fix: "Wrap a list into an object, and write large integers as strings.",
    *check(context) {
      for (const { document, path, value } of context.wasmPlugins()) {
        const config = value["pluginConfig"];
        const at = [...path, "pluginConfig"];
        if (config !== undefined && config !== null && !isObject(config)) {
          yield draft(document, at, `pluginConfig must be an object, and is ${nameOf(config)}`);
        }
        for (const one of numbers(config, at)) {
          if (!Number.isInteger(one.value) || Math.abs(one.value) < bigInteger) continue;
          yield draft(document, one.path, "an integer beyond 2^53 loses its last digits; write it as a string", {
            severity: "warning",
          });
        }
      }
    },
  },
  {
    id: "M-W11",
    severity: "error",
    title: "vmConfig.env has at most 256 names, each once, with values of at most 2048 characters, none with HOST",
    why: "istiod and the API server refuse others. Names that are no C identifier and names with ISTIO_META_ are warned of.",
    fix: "Mend the entry in the message.",
    *check(context) {
      for (const { document, path, value } of context.wasmPlugins()) {
        const env = valueAt(value, ["vmConfig", "env"]);
        const at = [...path, "vmConfig", "env"];
        if (!Array.isArray(env)) continue;
        if (env.length > 256)
          yield draft(document, at, `vmConfig.env has ${env.length} entries, at most 256 are allowed`);
        const seen = new Set<string>();
        for (const [index, one] of env.entries())
          if (isObject(one)) yield* variable(document, [...at, index], index, one, seen);
      }
    },
  },
  {
    id: "M-W12",
    severity: "error",
    title: "Ports of match are 1 to 65535, each once; a gateway has client traffic only",
    why: "Others are refused; mode SERVER never matches on a gateway (a warning).",
    fix: "Use the container port (SERVER), the Service port (CLIENT) or the gateway's.",
    *check(context) {
      for (const document of both(context)) {
        for (const [index, one] of listAt(document.value, ["spec", "match"]).entries()) {
          const seen = new Set<Json | undefined>();
          for (const [at, port] of listAt(one, ["ports"]).entries()) {
            const number = valueAt(port, ["number"]);
            const path = ["spec", "match", index, "ports", at, "number"];
            if (typeof number === "number" && (number < 1 || number > 65_535)) {
              yield draft(document, path, `port ${number} is out of range (1 to 65535)`);
            } else if (seen.has(number)) yield draft(document, path, `port ${shown(number)} stands twice`);
            seen.add(number);
          }
          if (valueAt(one, ["mode"]) !== "SERVER" || !isGateway(document)) continue;
          yield draft(
            document,
            ["spec", "match", index, "mode"],
            "gateways only have CLIENT traffic; mode SERVER never matches",
            { severity: "warning" },
          );
        }
      }
    },
  },
  {
    id: "M-W13",
    severity: "error",
    title: "A TrafficExtension has either wasm or lua; kind and fields exist in the target release",
    why: "Both or none are refused; an older istiod does not know the kind, or drops the field.",
    fix: "Keep one, or use what the target has: EnvoyFilter before 1.12, WasmPlugin before 1.30.",
    *check(context) {
      const { istio } = context.target;
      for (const document of both(context)) {
        if (document.kind === "TrafficExtension") {
          const given = ["wasm", "lua"].filter((name) => valueAt(document.value, ["spec", name]) !== undefined);
          if (given.length !== 1)
            yield draft(document, ["spec", ...given.slice(1)], "exactly one of wasm or lua must be set");
          const code = valueAt(document.value, ["spec", "lua", "inlineCode"]);
          if (code === "") yield draft(document, ["spec", "lua", "inlineCode"], "lua.inlineCode cannot be empty");
        }
        if (istio === undefined) continue;
        const needed = document.kind === "TrafficExtension" ? 30 : 12;
        if (istio < needed) {
          yield draft(document, ["kind"], `${document.kind} needs Istio 1.${needed}; the target is 1.${istio}`);
          continue;
        }
        for (const [name, value, minor] of since) {
          const at = document.kind === "WasmPlugin" || name === "match" ? ["spec", name] : ["spec", "wasm", name];
          const given = valueAt(document.value, at);
          if (istio >= minor || given === undefined || (value !== undefined && given !== value)) continue;
          yield draft(
            document,
            at,
            `${name}${value === undefined ? "" : ` ${value}`} needs Istio 1.${minor}; the target is 1.${istio}`,
          );
        }
      }
    },
  },
  {
    id: "M-W14",
    severity: "warning",
    title: "A plugin of phase AUTHN or AUTHZ does not fail open",
    why: "When it fails, requests pass unauthenticated.",
    fix: "Use FAIL_CLOSE.",
    *check(context) {
      for (const { document, path, value, spec } of context.wasmPlugins()) {
        if (value["failStrategy"] !== "FAIL_OPEN" || !/^AUTH[NZ]$/.test(String(spec["phase"]))) continue;
        yield draft(
          document,
          [...path, "failStrategy"],
          "an authentication filter that fails open lets requests through unauthenticated",
        );
      }
    },
  },
  {
    id: "M-W15",
    severity: "information",
    title: "Among plugins with a priority all have one",
    why: "Those without one run after all that set one; it is not the same as 0.",
    fix: "Set priority.",
    *check(context) {
      const unset = (document: ManifestDocument): boolean =>
        (valueAt(document.value, ["spec", "priority"]) ?? null) === null;
      const all = both(context);
      if (all.every(unset)) return;
      for (const document of all.filter(unset)) {
        yield draft(document, ["spec"], "plugins without priority run after all plugins that set one");
      }
    },
  },
  {
    id: "M-W16",
    severity: "warning",
    title: "A plugin for a sidecar says the direction",
    why: "Without match it runs on inbound and outbound traffic of the pod.",
    fix: "Add match: [{mode: SERVER}] or CLIENT.",
    *check(context) {
      for (const document of both(context)) {
        const selects = Object.keys(selectorOf(document)?.labels ?? {}).length > 0;
        if (!selects || isGateway(document) || listAt(document.value, ["spec", "match"]).length > 0) continue;
        yield draft(document, ["spec"], "without match the plugin runs on inbound and outbound traffic of the pod");
      }
    },
  },
  {
    id: "M-W17",
    severity: "error",
    title: "pluginName is the root name that the module registers",
    why: 'AssemblyScript and C++ modules answer 503 otherwise: "Missing root context factory for root id".',
    fix: "Set pluginName to the registered name.",
    *check(context) {
      for (const { document, path, value } of context.wasmPlugins()) {
        const name = textAt(value, ["pluginName"]) ?? "";
        if (context.module?.missingRoots.has(name) !== true) continue;
        const message = `the module has no root context for pluginName ${shown(name)}: it logs "Missing root context factory"`;
        yield draft(document, [...path, "pluginName"], message);
      }
    },
  },
];

function* word(document: ManifestDocument, path: Path, words: readonly string[]) {
  const given = valueAt(document.value, path);
  if (typeof given !== "string" || words.includes(given)) return;
  yield draft(document, path, `${String(path.at(-1))} ${shown(given)}: use ${words.join(", ")}`);
}

function* variable(document: ManifestDocument, path: Path, index: number, one: JsonObject, seen: Set<string>) {
  const { name, value, valueFrom } = one;
  const title = `vmConfig.env[${index}]`;
  if (typeof name !== "string" || name === "")
    yield draft(document, [...path, "name"], `${title}: the name is missing`);
  else {
    const warning = { severity: "warning" as const };
    if (name.length > 256)
      yield draft(
        document,
        [...path, "name"],
        `${title}: the name has ${name.length} characters, at most 256 are allowed`,
      );
    if (seen.has(name)) yield draft(document, [...path, "name"], `${title}: ${name} stands twice`);
    if (name.startsWith("ISTIO_META_"))
      yield draft(document, [...path, "name"], `${title}: names with ISTIO_META_ are removed`, warning);
    else if (!identifier.test(name))
      yield draft(document, [...path, "name"], `${title}: ${shown(name)} is no C identifier`, warning);
    seen.add(name);
  }
  if (typeof value === "string" && value.length > 2048) {
    yield draft(
      document,
      [...path, "value"],
      `${title}: the value has ${value.length} characters, at most 2048 are allowed`,
    );
  }
  if (valueFrom === "HOST" && value !== undefined) {
    yield draft(document, [...path, "value"], `${title}: value may only be set when valueFrom is INLINE`);
  }
}
