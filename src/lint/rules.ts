import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { Rule } from "./rule.js";
import { acrossRules } from "./rules/across.js";
import { annotationRules } from "./rules/annotations.js";
import { bootstrapRules } from "./rules/bootstrap.js";
import { configMapRules } from "./rules/config-map.js";
import { envoyFilterRules } from "./rules/envoy-filter.js";
import { fileRules } from "./rules/files.js";
import { filterValueRules } from "./rules/filter-value.js";
import { gatewayRules } from "./rules/gateway.js";
import { imageRules } from "./rules/image.js";
import { labelRules } from "./rules/labels.js";
import { moduleRules } from "./rules/module.js";
import { nameRules } from "./rules/names.js";
import { pluginConfigRules } from "./rules/plugin-config.js";
import { portRules } from "./rules/ports.js";
import { secretRules } from "./rules/secrets.js";
import { versionRules } from "./rules/versions.js";
import { wasmPluginRules } from "./rules/wasm-plugin.js";
import { wasmPluginUrlRules } from "./rules/wasm-plugin-url.js";

export interface RuleFamily {
  readonly title: string;
  readonly rules: readonly Rule[];
}

/** All rules, as `pwh lint --rules` and docs/lint.md list them. */
export const ruleFamilies: readonly RuleFamily[] = [
  { title: "Files", rules: fileRules },
  { title: "Names and namespaces", rules: nameRules },
  { title: "Labels and selection", rules: labelRules },
  { title: "Ports and contexts", rules: portRules },
  { title: "Versions", rules: versionRules },
  { title: "EnvoyFilter", rules: envoyFilterRules },
  { title: "The filter in an EnvoyFilter", rules: filterValueRules },
  { title: "The plugin's configuration", rules: pluginConfigRules },
  { title: "The module", rules: moduleRules },
  { title: "ConfigMap", rules: configMapRules },
  { title: "Annotations of the sidecar", rules: annotationRules },
  { title: "Between the files", rules: acrossRules },
  { title: "WasmPlugin and TrafficExtension: where the module is", rules: wasmPluginUrlRules },
  { title: "WasmPlugin and TrafficExtension", rules: wasmPluginRules },
  { title: "EnvoyExtensionPolicy", rules: gatewayRules },
  { title: "Static Envoy", rules: bootstrapRules },
  { title: "Image layout", rules: imageRules },
  { title: "Secrets", rules: secretRules },
];

export const rules: readonly Rule[] = ruleFamilies.flatMap((family) => family.rules);

const byId: ReadonlyMap<string, Rule> = new Map(rules.map((rule) => [rule.id, rule]));

/** @throws {HarnessError} OPTION_INVALID */
export function ruleNamed(id: string): Rule {
  const found = byId.get(id.toUpperCase());
  if (found !== undefined) return found;
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot turn off "${id}"${didYouMean(id, byId.keys())}: there is no such rule; see pwh lint --rules`,
  );
}
