import type { Json, JsonObject, Path } from "../../manifest/documents.js";
import { isObject, nameOf } from "../../manifest/documents.js";
import { field, spelling, typeName } from "../../manifest/wasm-filters.js";
import { listAt, objectAt, selectorOf } from "../context.js";
import type { LintContext, PluginPlace } from "../context.js";
import { misfits, pluginConfig } from "../messages.js";
import type { Rule } from "../rule.js";
import { draft, renameKey, replaceValue, shown } from "../rule.js";

const v8 = "envoy.wasm.runtime.v8";
const runtimeOptionalSince = 24;
const failurePolicySince = 33;

interface Vm extends PluginPlace {
  readonly vmPath: Path;
  readonly vm: JsonObject;
  readonly codePath: Path;
  readonly code: Json | undefined;
}

/** Plugins with their VM configuration and code, in either spelling. */
function vms(context: LintContext): Vm[] {
  return context.plugins.map((plugin) => {
    const key = spelling(plugin.config, "vm_config");
    const vm = objectAt(plugin.config, [key]);
    const vmPath = [...plugin.configPath, key];
    return { ...plugin, vm, vmPath, code: vm["code"], codePath: [...vmPath, "code"] };
  });
}

const stated = (value: Json | undefined): boolean => value !== undefined && value !== null;
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
const sources = ["filename", "inline_bytes", "inline_string", "environment_variable"];

/** What a plugin is called, for messages. */
const titleOf = ({ config, filter }: PluginPlace): string => shown(textOf(config["name"]) || textOf(filter["name"]));

export const pluginConfigRules: readonly Rule[] = [
  {
    id: "M-F9",
    severity: "error",
    title: "The plugin's configuration has the fields and types that Envoy knows",
    why: "A TypedStruct hides mistakes from istiod: Envoy rejects wrong types, ignores unknown fields over xDS and refuses them in a file. A Struct reaches the plugin as protobuf bytes, not as JSON.",
    fix: "Write the field as named in the message; configuration as StringValue with JSON text.",
    *check(context) {
      for (const { document, config, configPath, body, bodyPath } of context.plugins) {
        for (const key of Object.keys(body).filter((one) => one !== "config" && one !== "@type")) {
          yield draft(document, [...bodyPath, key], `${key}: unknown field of Wasm; all belongs under config`);
        }
        const given = body["config"];
        if (given !== undefined && !isObject(given)) {
          yield draft(document, configPath, `config must be an object, and is ${nameOf(given)}`);
        }
        for (const { path, text, rename } of misfits(pluginConfig, config, configPath)) {
          yield draft(document, path, text, { edits: rename === undefined ? [] : renameKey(document, path, rename) });
        }
        const configuration = config["configuration"];
        if (typeName(field(configuration, "@type")) !== "google.protobuf.Struct") continue;
        const message =
          "configuration as Struct reaches the plugin as protobuf bytes, not as JSON; use a StringValue with JSON text";
        yield draft(document, [...configPath, "configuration"], message, { severity: "warning" });
      }
    },
  },
  {
    id: "M-F10",
    severity: "error",
    title: "vm_config.code has one source: local or remote, and local one of its four",
    why: "istiod takes one of two silently; Envoy refuses both together, and none.",
    fix: "Keep local.filename, or remote.",
    *check(context) {
      for (const { document, config, configPath, vm, vmPath, code, codePath } of vms(context)) {
        if (Object.keys(config).length === 0) continue; // M-F8 tells
        if (Object.keys(vm).length === 0) {
          yield draft(document, configPath, "vm_config is missing: the plugin has no code");
          continue;
        }
        if (!isObject(code)) {
          if (!stated(code)) yield draft(document, vmPath, "vm_config.code is missing");
          continue;
        }
        const [local, remote] = [code["local"], code["remote"]];
        if (stated(local) && stated(remote))
          yield draft(document, codePath, "vm_config.code: set either local.filename or remote, not both");
        if (!stated(local) && !stated(remote)) yield draft(document, codePath, "vm_config.code needs local or remote");
        if (!isObject(local)) continue;
        const given = sources.filter((name) => stated(field(local, name)));
        if (given.length !== 1) {
          const what = given.length === 0 ? `one of ${sources.join(", ")}` : `only one of ${given.join(" and ")}`;
          yield draft(document, [...codePath, "local"], `vm_config.code.local needs ${what}`);
        } else if (field(local, given[0]!) === "")
          yield draft(document, [...codePath, "local", spelling(local, given[0]!)], `${given[0]} is empty`);
      }
    },
  },
  {
    id: "M-F11",
    severity: "error",
    title: `runtime is ${v8}`,
    why: "Envoy and Istio's proxy are built with V8 only; null is for plugins compiled into Envoy. Before Envoy 1.24 the field is required.",
    fix: `Write runtime: ${v8}.`,
    *check(context) {
      for (const { document, vm, vmPath } of vms(context)) {
        if (Object.keys(vm).length === 0 || vm["runtime"] === v8) continue;
        const runtime = vm["runtime"];
        const path = [...vmPath, "runtime"];
        const { envoy } = context.target;
        if (!stated(runtime) || runtime === "") {
          if (envoy !== undefined && envoy >= runtimeOptionalSince) continue;
          const severity = envoy === undefined ? ("warning" as const) : ("error" as const);
          const said = envoy === undefined ? "Envoy before 1.24" : `Envoy 1.${envoy}`;
          yield draft(document, path, `runtime is missing, which ${said} refuses; write ${v8}`, { severity });
        } else if (typeof runtime === "string") {
          const edits = runtime === "v8" ? replaceValue(document, path, v8) : [];
          yield draft(
            document,
            path,
            `runtime ${shown(runtime)}: Envoy is not built with it; use the registered name "${v8}"`,
            { edits },
          );
        }
      }
    },
  },
  {
    id: "M-F12",
    severity: "warning",
    title: "Plugins of one module with other configurations have VMs of their own",
    why: "One vm_id, VM configuration and module make one VM: globals of the module are shared.",
    fix: "Give each a vm_id of its own.",
    *check(context) {
      const all = vms(context).filter(({ code }) => stated(code));
      for (const [index, one] of all.entries()) {
        const twin = all.slice(0, index).find((other) => sharesVm(one, other));
        if (twin === undefined) continue;
        const message = `filters ${titleOf(twin)} and ${titleOf(one)} share a VM (same vm_id and module); module globals are shared`;
        yield draft(one.document, [...one.vmPath, spelling(one.vm, "vm_id")], message);
      }
    },
  },
  {
    id: "M-F13",
    severity: "warning",
    title: "allow_precompiled is false",
    why: "It trusts machine code inside the module, which nobody verified.",
    fix: "Leave it false.",
    *check(context) {
      for (const { document, vm, vmPath } of vms(context)) {
        const key = spelling(vm, "allow_precompiled");
        if (vm[key] !== true) continue;
        const edits = replaceValue(document, [...vmPath, key], "false");
        yield draft(
          document,
          [...vmPath, key],
          "allow_precompiled trusts native code inside the module; leave it false",
          { edits },
        );
      }
    },
  },
  {
    id: "M-F14",
    severity: "warning",
    title: "A filter that guards does not fail open",
    why: "When it traps, requests pass unchecked. A local module that cannot load is refused either way.",
    fix: "Use FAIL_CLOSED.",
    *check(context) {
      for (const { document, config, configPath, filter } of context.plugins) {
        const names = [config["name"], filter["name"], field(config, "root_id")].map(textOf).join(" ");
        if (!/auth|jwt|oidc|rbac|acl\b|waf|guard|secur/i.test(names)) continue;
        const key = failOpenKey(config);
        if (key !== undefined)
          yield draft(document, [...configPath, key], `${key} lets traffic bypass this filter when it fails`);
      }
    },
  },
  {
    id: "M-F15",
    severity: "error",
    title: "Either fail_open or failure_policy; reload_config with FAIL_RELOAD",
    why: 'Envoy refuses both: "only one of fail_open or failure_policy can be set". Before 1.33 it does not know the policy.',
    fix: "Use failure_policy from Envoy 1.33 on, else fail_open.",
    *check(context) {
      for (const { document, config, configPath } of context.plugins) {
        const policy = field(config, "failure_policy");
        const at = [...configPath, spelling(config, "failure_policy")];
        const { envoy } = context.target;
        if (stated(policy) && field(config, "fail_open") === true)
          yield draft(document, at, "set either fail_open or failure_policy");
        else if (stated(policy) && envoy !== undefined && envoy < failurePolicySince) {
          yield draft(document, at, `failure_policy needs Envoy 1.${failurePolicySince}; the target's is 1.${envoy}`);
        }
        if (stated(field(config, "reload_config")) && policy !== "FAIL_RELOAD") {
          const path = [...configPath, spelling(config, "reload_config")];
          yield draft(document, path, "reload_config has no effect without failure_policy FAIL_RELOAD", {
            severity: "warning",
          });
        }
      }
    },
  },
  {
    id: "M-F16",
    severity: "error",
    title: "No environment variable is both copied and set",
    why: "Envoy rejects the configuration: all keys must be unique.",
    fix: "Keep it in host_env_keys or in key_values.",
    *check(context) {
      for (const { document, vm, vmPath } of vms(context)) {
        const env = field(vm, "environment_variables");
        const path = [...vmPath, spelling(vm, "environment_variables")];
        const set = field(env, "key_values");
        for (const key of listAt(env, ["host_env_keys"]).concat(listAt(env, ["hostEnvKeys"]))) {
          if (!isObject(set) || !Object.hasOwn(set, String(key))) continue;
          yield draft(
            document,
            path,
            `environment key ${String(key)} is listed twice; Envoy rejects the configuration`,
          );
        }
      }
    },
  },
  {
    id: "M-F17",
    severity: "error",
    title: "Remote code outside of ECDS has http_uri.cluster, http_uri.timeout and sha256, over http or https",
    why: "In a listener Envoy fetches it itself, and refuses the configuration without them. It knows no oci://.",
    fix: "Add them, or use EXTENSION_CONFIG with config_discovery, or a WasmPlugin.",
    *check(context) {
      for (const { document, patch, code, codePath } of vms(context)) {
        const remote = field(code, "remote");
        if (!isObject(remote) || patch?.applyTo === "EXTENSION_CONFIG") continue;
        const uri = field(remote, "http_uri");
        const path = [...codePath, "remote"];
        const missing = ["cluster", "timeout"]
          .filter((name) => !stated(field(uri, name)))
          .map((name) => `http_uri.${name}`);
        if (textOf(remote["sha256"]) === "") missing.push("sha256");
        if (missing.length > 0)
          yield draft(
            document,
            path,
            `remote code in a listener is fetched by Envoy itself and needs ${missing.join(", ")}`,
          );
        const address = textOf(field(uri, "uri"));
        if (address.startsWith("oci://"))
          yield draft(document, path, "Envoy cannot fetch oci://; use a WasmPlugin or EXTENSION_CONFIG");
      }
    },
  },
  {
    id: "M-F19",
    severity: "warning",
    title: "allowed_capabilities has all that the module exports and imports",
    why: "As soon as it lists one, all others are denied, callbacks too: they would never run.",
    fix: "Add what the message names, or leave the restriction out.",
    *check(context) {
      const inspection = context.module?.inspection;
      if (inspection === undefined) return;
      for (const { document, config, configPath } of context.plugins) {
        const allowed = field(field(config, "capability_restriction_config"), "allowed_capabilities");
        if (!isObject(allowed) || Object.keys(allowed).length === 0) continue;
        const needed = [...inspection.callbacks, ...inspection.hostcalls, ...inspection.wasi];
        const omitted = needed.filter((name) => !Object.hasOwn(allowed, name));
        const path = [...configPath, spelling(config, "capability_restriction_config")];
        if (omitted.length > 0)
          yield draft(document, path, `allowed_capabilities omits ${omitted.join(", ")}, which the module uses`);
      }
    },
  },
  {
    id: "M-F22",
    severity: "warning",
    title: "root_id is the name that the module registers",
    why: 'AssemblyScript and C++ SDKs look the root context up by it: "Missing root context factory for root id", and requests get 503.',
    fix: "Write the name that the source registers.",
    *check(context) {
      for (const { document, config, configPath } of context.plugins) {
        const rootId = textOf(field(config, "root_id"));
        if (context.module?.missingRoots.has(rootId) !== true) continue;
        const message = `the module has no root context for root_id ${shown(rootId)}: it logs "Missing root context factory"`;
        yield draft(document, [...configPath, spelling(config, "root_id")], message);
      }
    },
  },
];

/** The key that makes a plugin fail open; undefined: it fails closed. */
function failOpenKey(config: JsonObject): string | undefined {
  if (field(config, "fail_open") === true) return spelling(config, "fail_open");
  return field(config, "failure_policy") === "FAIL_OPEN" ? spelling(config, "failure_policy") : undefined;
}

function sharesVm(one: Vm, other: Vm): boolean {
  const identity = ({ vm, code }: Vm): string =>
    JSON.stringify([textOf(field(vm, "vm_id")), vm["configuration"], code]);
  const content = ({ config }: Vm): string =>
    JSON.stringify([textOf(field(config, "root_id")), config["configuration"]]);
  if (identity(one) !== identity(other) || content(one) === content(other)) return false;
  const [a, b] = [one.document, other.document].map((document) => selectorOf(document)?.labels ?? {});
  return Object.entries(a!).every(([key, value]) => b![key] === undefined || b![key] === value);
}
