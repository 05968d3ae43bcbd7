import type { Json, ManifestDocument, Path } from "../../manifest/documents.js";
import { isObject } from "../../manifest/documents.js";
import { field, spelling } from "../../manifest/wasm-filters.js";
import { isSecretName } from "../../scenario/redact.js";
import { listAt, valueIn } from "../context.js";
import type { LintContext } from "../context.js";
import type { Rule } from "../rule.js";
import { draft } from "../rule.js";

/** What a text of these forms is, whatever its name says. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key"],
  [/\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+/, "a JSON web token"],
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/, "an AWS key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}/, "a GitHub token"],
  [/\bxox[abpr]-[\w-]{10,}/, "a Slack token"],
  [/:\/\/[^/\s:@]+:[^/\s@]+@/, "a URL with a password"],
];

/** Where secrets stand in a configuration, by the names of its keys. Values never leave this function. */
function* secretsIn(value: Json | undefined, name: string): Generator<{ name: string; what: string }> {
  if (typeof value === "string") {
    const parsed = jsonIn(value);
    if (parsed !== undefined) {
      yield* secretsIn(parsed, name);
      return;
    }
    const form = forms.find(([pattern]) => pattern.test(value))?.[1];
    const last = name.slice(name.lastIndexOf(".") + 1);
    if (form !== undefined) yield { name, what: form };
    else if (value.length >= 4 && isSecretName(last) && !isReference(value))
      yield { name, what: "a secret by its name" };
  } else if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) yield* secretsIn(one, `${name}[${index}]`);
  } else if (isObject(value)) {
    for (const [key, one] of Object.entries(value))
      if (key !== "@type") yield* secretsIn(one, name === "" ? key : `${name}.${key}`);
  }
}

/** A name of an environment variable, a file or a place holder is no secret. */
const isReference = (value: string): boolean => /^(\$|\{\{|<|\/|[A-Z][A-Z0-9_]*$)/.test(value);

function jsonIn(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

interface Configuration {
  readonly document: ManifestDocument;
  readonly path: Path;
  readonly value: Json | undefined;
}

function configurations(context: LintContext): Configuration[] {
  const found: Configuration[] = [];
  for (const { document, config, configPath } of context.plugins) {
    const key = spelling(config, "vm_config");
    const vm = valueIn(config, key);
    found.push({ document, path: [...configPath, "configuration"], value: config["configuration"] });
    found.push({ document, path: [...configPath, key, "configuration"], value: field(vm, "configuration") });
    const env = spelling(isObject(vm) ? vm : {}, "environment_variables");
    found.push({ document, path: [...configPath, key, env], value: field(field(vm, env), "key_values") });
  }
  for (const { document, path, value } of context.wasmPlugins()) {
    found.push({ document, path: [...path, "pluginConfig"], value: value["pluginConfig"] });
    for (const [index, one] of listAt(value, ["vmConfig", "env"]).entries()) {
      const at = [...path, "vmConfig", "env", index];
      if (isObject(one) && typeof one["name"] === "string")
        found.push({ document, path: at, value: { [one["name"]]: one["value"] } });
    }
    found.push({ document, path: [...path, "url"], value: value["url"] });
  }
  for (const document of context.of("EnvoyExtensionPolicy")) {
    for (const [index, one] of listAt(document.value, ["spec", "wasm"]).entries()) {
      found.push({ document, path: ["spec", "wasm", index, "config"], value: field(one, "config") });
    }
  }
  return found;
}

export const secretRules: readonly Rule[] = [
  {
    id: "M-K1",
    severity: "warning",
    title: "No secret stands in a plugin's configuration",
    why: "Everyone who may read the object, the proxy's config dump or the repository reads it.",
    fix: "Let the plugin take it from an environment variable of the proxy (HOST, host_env_keys) filled from a Secret.",
    *check(context) {
      for (const { document, path, value } of configurations(context)) {
        for (const { name, what } of secretsIn(value, "")) {
          const where = name === "" ? "it" : name.replace(/^value\.?/, "") || "it";
          yield draft(document, path, `${where} holds what looks like ${what} (not shown)`);
        }
      }
    },
  },
];
