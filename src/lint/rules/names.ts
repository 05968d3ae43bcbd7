import { namespaceOf, nameOfObject, selectorOf, titleOf, listAt, objectAt } from "../context.js";
import type { ManifestDocument, ManifestKind } from "../../manifest/documents.js";
import { isLabelName, isSubdomain } from "../../manifest/names.js";
import { mountsOf } from "../mounts.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";

/** Names of volumes that Istio's sidecar template makes. Deployment reference, 3.2. */
const sidecarVolumes: ReadonlySet<string> = new Set([
  "workload-socket",
  "credential-socket",
  "workload-certs",
  "gke-workload-certificate",
  "istio-envoy",
  "istio-data",
  "istio-podinfo",
  "istio-token",
  "istiod-ca-cert",
  "istio-ca-crl",
  "istio-certs",
  "custom-bootstrap-volume",
  "lightstep-certs",
]);

const named: readonly ManifestKind[] = [
  "EnvoyFilter",
  "WasmPlugin",
  "TrafficExtension",
  "EnvoyExtensionPolicy",
  "HigressWasmPlugin",
  "ConfigMap",
  "Deployment",
];

/** The nearest name that Kubernetes takes. */
function suggested(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^-a-z0-9.]+/g, "-")
    .slice(0, 253);
  return plain.replace(/^[-.]+/, "").replace(/[-.]+$/, "") || "a-name";
}

export const nameRules: readonly Rule[] = [
  {
    id: "M-N1",
    severity: "error",
    title: "metadata.name is a name that Kubernetes takes",
    why: "The API server refuses the object.",
    fix: 'Use lower-case letters, digits, "-" or ".", start and end with a letter or digit, at most 253 characters.',
    *check(context) {
      for (const document of context.of(...named)) {
        const name = objectAt(document.value, ["metadata"])["name"];
        const path = ["metadata", "name"];
        if (document.isPatch) continue;
        if (name === undefined) {
          const generated = objectAt(document.value, ["metadata"])["generateName"] !== undefined;
          if (!generated) yield draft(document, path, "metadata.name is missing");
        } else if (typeof name !== "string" || !isSubdomain(name)) {
          const advice = typeof name === "string" ? `; try "${suggested(name)}"` : "; write it in quotes";
          yield draft(document, path, `${shown(name)} is not a valid Kubernetes name${advice}`);
        }
      }
    },
  },
  {
    id: "M-N2",
    severity: "error",
    title: "metadata.namespace is a DNS label of at most 63 characters",
    why: "The API server refuses the object: there can be no such namespace.",
    fix: 'Use lower-case letters, digits and "-"; no dots.',
    *check(context) {
      for (const document of context.of(...named)) {
        const namespace = namespaceOf(document);
        if (namespace === undefined || isLabelName(namespace)) continue;
        const why = namespace.includes(".")
          ? "a namespace may not contain dots"
          : "not a DNS label of at most 63 characters";
        yield draft(document, ["metadata", "namespace"], `${shown(namespace)}: ${why}`);
      }
    },
  },
  {
    id: "M-N3",
    severity: "error",
    title: "The name of a volume is a DNS label of at most 63 characters",
    why: "The API server refuses the pods, which shows only in the events of the ReplicaSet.",
    fix: 'Use lower-case letters, digits and "-".',
    *check(context) {
      for (const mounts of mountsOf(context)) {
        for (const { path, name } of mounts.volumes) {
          if (name === undefined || isLabelName(name)) continue;
          const advice = suggested(name).replaceAll(".", "-").slice(0, 63);
          yield draft(mounts.document, path, `volume name ${shown(name)} is no DNS label; try "${advice}"`);
        }
      }
    },
  },
  {
    id: "M-N4",
    severity: "error",
    title: "The name of a volume is not one of the sidecar's own",
    why: "The pod would have two volumes of one name, and the API server refuses it.",
    fix: "Choose another name.",
    *check(context) {
      for (const mounts of mountsOf(context)) {
        for (const { path, name, origin } of mounts.volumes) {
          if (name === undefined || origin !== "annotation" || !sidecarVolumes.has(name)) continue;
          yield draft(mounts.document, path, `volume name "${name}" is already used by the injected sidecar`);
        }
      }
    },
  },
  {
    id: "M-N5",
    severity: "warning",
    title: "An EnvoyFilter or plugin says its namespace",
    why: "It lands in kubectl's current namespace; in another one than the pods it applies to nothing, silently.",
    fix: "Set metadata.namespace to the namespace of the pods.",
    *check(context) {
      for (const document of context.of("EnvoyFilter", "WasmPlugin", "TrafficExtension", "EnvoyExtensionPolicy")) {
        if (namespaceOf(document) !== undefined) continue;
        const message = `${titleOf(document)} has no namespace: it lands in kubectl's current one, which must be that of the pods`;
        yield draft(document, ["metadata", "namespace"], message);
      }
    },
  },
  {
    id: "M-N6",
    severity: "error",
    title: "No object is given twice",
    why: "The second one applied replaces the first.",
    fix: "Give each its own name.",
    *check(context) {
      const seen = new Map<string, ManifestDocument>();
      for (const document of context.documents) {
        const name = nameOfObject(document);
        if (document.kind === undefined || name === undefined) continue;
        const key = `${document.kind} ${namespaceOf(document) ?? ""}/${name}`;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, document);
        else {
          const where = `${first.file}:${first.at(["metadata", "name"]).line}`;
          yield draft(document, ["metadata", "name"], `${titleOf(document)} stands in ${where} already`);
        }
      }
    },
  },
  {
    id: "M-N7",
    severity: "warning",
    title: "What stands in the root namespace says which workloads it is for",
    why: "Without a selector it applies to every proxy of the mesh.",
    fix: "Add a selector, or disable this rule where the whole mesh is meant.",
    *check(context) {
      for (const document of context.of("EnvoyFilter", "WasmPlugin", "TrafficExtension")) {
        if (namespaceOf(document) !== context.rootNamespace) continue;
        if (Object.keys(selectorOf(document)?.labels ?? {}).length > 0) continue;
        if (listAt(document.value, ["spec", "targetRefs"]).length > 0) continue;
        const message = `${titleOf(document)} in ${context.rootNamespace} without a selector applies to every proxy of the mesh`;
        yield draft(document, ["metadata", "namespace"], message);
      }
    },
  },
  {
    id: "M-N8",
    severity: "error",
    title: "Keys of a ConfigMap are file names",
    why: "The API server refuses the ConfigMap.",
    fix: 'Use letters, digits, "-", "_" and "."; at most 253 characters, not beginning with "..".',
    *check(context) {
      for (const document of context.of("ConfigMap")) {
        for (const map of ["data", "binaryData"]) {
          for (const key of Object.keys(objectAt(document.value, [map]))) {
            const good = /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== "." && !key.startsWith("..");
            if (good) continue;
            const message = `ConfigMap key ${shown(key)}: allowed are letters, digits, "-", "_" and "."`;
            yield draft(document, [map, key], message);
          }
        }
      }
    },
  },
];
