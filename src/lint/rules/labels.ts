import type { Json, JsonObject, ManifestDocument } from "../../manifest/documents.js";
import { isObject, valueAt } from "../../manifest/documents.js";
import { listAt, nameOfObject, selectorOf, titleOf } from "../context.js";
import type { LintContext } from "../context.js";
import { inSameNamespace, isSubset, templateLabels } from "../workloads.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";
import { isSubdomain } from "../../manifest/names.js";

const selecting = (context: LintContext): ManifestDocument[] =>
  context.of("EnvoyFilter", "WasmPlugin", "TrafficExtension");

const labelName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

function keyProblem(key: string): string | undefined {
  if (key.includes("*")) return undefined; // M-L3
  if (key === "") return "an empty key is not supported in a selector";
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  if (slash >= 0 && !isSubdomain(key.slice(0, slash))) return "what stands before the slash is no DNS name";
  return name.length <= 63 && labelName.test(name) ? undefined : "not a valid label key";
}

function valueProblem(value: Json | undefined): string | undefined {
  if (typeof value !== "string") return undefined; // M-F1
  if (value.includes("*")) return undefined; // M-L3
  if (value.length > 63) return `has ${value.length} characters, at most 63 are allowed`;
  if (value === "" || labelName.test(value)) return undefined;
  return /[A-Za-z0-9]$/.test(value) ? "not a valid label value" : "must end with a letter or digit";
}

/** Kinds that targetRefs may name. Deployment reference, 2.7. */
const targetKinds: ReadonlySet<string> = new Set([
  "gateway.networking.k8s.io/Gateway",
  "gateway.networking.k8s.io/GatewayClass",
  "/Service",
  "core/Service",
  "networking.istio.io/ServiceEntry",
]);

const targetRefsSince = 22;

/** Each label of each selector. */
function* selectorLabels(context: LintContext) {
  for (const document of selecting(context)) {
    const selector = selectorOf(document);
    for (const [key, value] of Object.entries(selector?.labels ?? {}))
      yield { document, path: [...selector!.path, key], key, value };
  }
}

export const labelRules: readonly Rule[] = [
  {
    id: "M-L1",
    severity: "error",
    title: "Keys of a selector are label keys",
    why: "No pod can have such a label: the filter applies to nothing. An empty key is refused by istiod.",
    fix: "Write the key as it stands in the pod template's labels.",
    *check(context) {
      for (const { document, path, key } of selectorLabels(context)) {
        const problem = keyProblem(key);
        if (problem !== undefined) yield draft(document, path, `selector key ${shown(key)}: ${problem}`);
      }
    },
  },
  {
    id: "M-L2",
    severity: "error",
    title: "Values of a selector are label values of at most 63 characters",
    why: "No pod can have such a label: the filter applies to nothing, or the API server refuses it.",
    fix: "Write the value as it stands in the pod template's labels.",
    *check(context) {
      for (const { document, path, value } of selectorLabels(context)) {
        const problem = valueProblem(value);
        if (problem !== undefined) yield draft(document, path, `selector value ${shown(value)}: ${problem}`);
      }
    },
  },
  {
    id: "M-L3",
    severity: "error",
    title: "A selector has no wildcards",
    why: "istiod and the API server refuse them: matching is exact.",
    fix: "Name one label that all the pods share.",
    *check(context) {
      for (const { document, path, key, value } of selectorLabels(context)) {
        if (!key.includes("*") && !String(value).includes("*")) continue;
        const message = `selector ${key}=${String(value)}: Istio does not support wildcards, matching is exact`;
        yield draft(document, path, message);
      }
    },
  },
  {
    id: "M-L4",
    severity: "error",
    title: "The selector matches the pod template of the Deployment given",
    why: "It selects pods, not Deployments: the filter would apply to nothing.",
    fix: "Take labels from spec.template.metadata.labels of the Deployment.",
    *check(context) {
      const deployments = context.of("Deployment").filter((one) => templateLabels(one) !== undefined);
      for (const document of selecting(context)) {
        const selector = selectorOf(document);
        if (selector === undefined || Object.keys(selector.labels).length === 0) continue;
        const near = deployments.filter((one) => inSameNamespace(one, document));
        if (near.length === 0 || near.some((one) => isSubset(selector.labels, templateLabels(one)!))) continue;
        const labels = near.map((one) => `${textOf(templateLabels(one)!)} of deployment/${nameOfObject(one) ?? "?"}`);
        const message = `selector ${textOf(selector.labels)} does not match the pod template labels ${labels.join(", ")}; the filter would apply to nothing`;
        yield draft(document, selector.path, message);
      }
    },
  },
  {
    id: "M-L5",
    severity: "warning",
    title: "There is a selector, with labels",
    why: "Without one every workload of the namespace receives the filter.",
    fix: "Add workloadSelector.labels (EnvoyFilter) or selector.matchLabels.",
    *check(context) {
      for (const document of selecting(context)) {
        const selector = selectorOf(document);
        if (Object.keys(selector?.labels ?? {}).length > 0) continue;
        if (hasTargets(document)) continue;
        const path = selector === undefined ? ["spec"] : selector.path;
        const message = `${titleOf(document)} has no selector: every workload of its namespace receives it`;
        yield draft(document, path, message);
      }
    },
  },
  {
    id: "M-L6",
    severity: "error",
    title: "Either a selector or targetRefs",
    why: "The API server refuses both together.",
    fix: "Remove one of them.",
    *check(context) {
      for (const document of selecting(context)) {
        const names = ["workloadSelector", "selector", "targetRef", "targetRefs"];
        const given = names.filter((name) => valueAt(document.value, ["spec", name]) !== undefined);
        if (given.length < 2) continue;
        yield draft(document, ["spec", given.at(-1)!], `only one of ${given.join(" and ")} can be set`);
      }
    },
  },
  {
    id: "M-L7",
    severity: "error",
    title: "targetRefs name at most 16 gateways or services of the same namespace",
    why: "Others are refused, or ignored without a word.",
    fix: "Name a Gateway of group gateway.networking.k8s.io, or a Service or ServiceEntry behind a waypoint.",
    *check(context) {
      for (const document of selecting(context)) {
        const refs = listAt(document.value, ["spec", "targetRefs"]);
        if (refs.length > 16)
          yield draft(document, ["spec", "targetRefs"], `has ${refs.length} entries, at most 16 are allowed`);
        for (const [index, ref] of refs.entries()) if (isObject(ref)) yield* targetDrafts(document, index, ref);
      }
    },
  },
  {
    id: "M-L8",
    severity: "error",
    title: "targetRefs are for Istio 1.22 and later",
    why: "Older control planes do not know the field and read the filter as one for the whole namespace.",
    fix: "Use a selector.",
    *check(context) {
      const { istio } = context.target;
      if (istio === undefined || istio >= targetRefsSince) return;
      for (const document of selecting(context)) {
        if (valueAt(document.value, ["spec", "targetRefs"]) === undefined) continue;
        const message = `targetRefs needs Istio 1.${targetRefsSince} or later, the target is 1.${istio}`;
        yield draft(document, ["spec", "targetRefs"], message);
      }
    },
  },
  {
    id: "M-L9",
    severity: "warning",
    title: "targetRefs are not used for sidecars",
    why: "They select gateways and waypoints of the Gateway API only: sidecars ignore the filter.",
    fix: "Use workloadSelector, or context GATEWAY.",
    *check(context) {
      for (const { document, path, context: where } of context.patches) {
        if (!hasTargets(document) || !where.startsWith("SIDECAR_")) continue;
        const message = `targetRefs only selects gateways and waypoints: with ${where} no proxy has this filter`;
        yield draft(document, [...path, "match", "context"], message);
      }
    },
  },
];

const hasTargets = ({ value }: ManifestDocument): boolean =>
  listAt(value, ["spec", "targetRefs"]).length > 0 || valueAt(value, ["spec", "targetRef"]) !== undefined;

function* targetDrafts(document: ManifestDocument, index: number, ref: JsonObject) {
  const path = ["spec", "targetRefs", index];
  const { group = "", kind, namespace, name } = ref;
  if (namespace !== undefined && namespace !== "") {
    yield draft(document, [...path, "namespace"], "cross-namespace references are not supported");
  }
  if (name === undefined || name === "") yield draft(document, [...path, "name"], "the name must be set");
  if (typeof kind === "string" && !targetKinds.has(`${String(group)}/${kind}`)) {
    const what = `${group === "" ? "core" : String(group)}/${kind}`;
    yield draft(document, [...path, "kind"], `${what} cannot be a target: it is ignored or refused`);
  }
}

const textOf = (labels: JsonObject): string =>
  `{${Object.entries(labels)
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(", ")}}`;
