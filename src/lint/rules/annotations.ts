import { didYouMean, nearest } from "../../abi/nearest.js";
import type { JsonObject, ManifestDocument } from "../../manifest/documents.js";
import { isObject, nameOf, valueAt } from "../../manifest/documents.js";
import { nameOfObject, objectAt, textAt } from "../context.js";
import type { LintContext } from "../context.js";
import {
  annotationValue,
  mountAnnotation,
  mountsOf,
  mountsOfDeployment,
  normalised,
  templateAnnotations,
  volumeAnnotation,
} from "../mounts.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";
import { annotationBytes } from "./config-map.js";

const annotations = [volumeAnnotation, mountAnnotation];

/** Sources of a volume, of core/v1 of Kubernetes. */
const sources = (
  "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral " +
  "fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi nfs " +
  "persistentVolumeClaim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume"
).split(" ");

const mountKeys = ["name", "mountPath", "readOnly", "subPath", "subPathExpr", "mountPropagation", "recursiveReadOnly"];

/** Where the sidecar template mounts its own. */
const reservedPaths: ReadonlySet<string> = new Set([
  "/var/run/secrets/workload-spiffe-uds",
  "/var/run/secrets/credential-uds",
  "/var/run/secrets/workload-spiffe-credentials",
  "/var/run/secrets/istio",
  "/var/run/secrets/istio/crl",
  "/var/lib/istio/data",
  "/etc/istio/custom-bootstrap",
  "/etc/istio/proxy",
  "/var/run/secrets/tokens",
  "/etc/certs",
  "/etc/istio/pod",
]);

/** The annotations with their texts, where they have an effect. */
function texts(context: LintContext): { document: ManifestDocument; annotation: string; text: string }[] {
  return context.of("Deployment").flatMap((document) =>
    annotations.flatMap((annotation) => {
      const text = textAt(document.value, [...templateAnnotations, annotation]);
      return text === undefined ? [] : [{ document, annotation, text }];
    }),
  );
}

export const annotationRules: readonly Rule[] = [
  {
    id: "M-A1",
    severity: "error",
    title: "The sidecar's annotations stand on the pod template",
    why: "On the Deployment itself they have no effect: the pod has no volume.",
    fix: "Move them to spec.template.metadata.annotations.",
    *check(context) {
      for (const document of context.of("Deployment")) {
        for (const annotation of annotations) {
          const path = ["metadata", "annotations", annotation];
          if (valueAt(document.value, path) === undefined) continue;
          const message = `${annotation} must be under spec.template.metadata.annotations; on the Deployment itself it has no effect`;
          yield draft(document, path, message);
        }
      }
    },
  },
  {
    id: "M-A2",
    severity: "error",
    title: "userVolume and userVolumeMount are JSON: a list of objects, or an object of them",
    why: "Injection fails and no pod starts; it shows in the events of the ReplicaSet.",
    fix: "Write JSON with double quotes, in single quotes of YAML.",
    *check(context) {
      for (const document of context.of("Deployment")) {
        for (const annotation of annotations) {
          const path = [...templateAnnotations, annotation];
          const value = valueAt(document.value, path);
          if (value === undefined || value === null) continue; // null removes it, in a patch
          if (typeof value !== "string") {
            yield draft(document, path, `${annotation} must be a string with JSON in it, and is ${nameOf(value)}`);
            continue;
          }
          const parsed = annotationValue(value);
          if ("problem" in parsed) {
            yield draft(document, path, `${annotation} ${parsed.problem}. Injection would fail and no pod would start`);
          } else {
            const at = parsed.elements.findIndex((one) => !isObject(one.value));
            if (at >= 0) yield draft(document, path, `${annotation}: entry ${at} is no object`);
          }
        }
      }
    },
  },
  {
    id: "M-A3",
    severity: "error",
    title: "Each volume has a name and one known source",
    why: "Unknown keys vanish: a volume without a source is mounted as an empty directory, and Envoy says Invalid path.",
    fix: "Spell the source as Kubernetes does, such as configMap.",
    *check(context) {
      for (const { document, volumes } of mountsOf(context)) {
        for (const { path, name, value } of volumes) {
          const title = `volume ${shown(name)}`;
          if (name === undefined) yield draft(document, path, `a volume has no name (or one that is no string)`);
          const given = Object.keys(value).filter((key) => key !== "name");
          const known = given.filter((key) => sources.includes(key));
          for (const key of given) {
            if (sources.includes(key)) {
              if (isObject(value[key])) continue;
              yield draft(document, path, `${title}: ${key} must be an object, and is ${nameOf(value[key])}`);
            } else if (known.length === 0) {
              const meant = didYouMean(key.replaceAll("_", ""), sources);
              const message = `${title}: unknown source ${shown(key)}${meant}. Kubernetes would silently mount an empty directory`;
              yield draft(document, path, message);
            }
          }
          if (given.length === 0)
            yield draft(document, path, `${title} has no source: Kubernetes would mount an empty directory`);
          if (known.length > 1) yield draft(document, path, `${title} has ${known.join(" and ")}; one is allowed`);
        }
      }
    },
  },
  {
    id: "M-A4",
    severity: "error",
    title: "Every mount has its volume, every volume its mount",
    why: "The API server refuses a pod with a mount of no volume; a volume that is not mounted does nothing.",
    fix: "Use one name in both.",
    *check(context) {
      for (const { document, volumes, mounts } of mountsOf(context)) {
        for (const { path, name } of mounts) {
          if (name !== undefined && volumes.some((one) => one.name === name)) continue;
          if (document.isPatch && mounts.every(({ origin }) => origin === "pod") && volumes.length === 0) continue;
          const names = volumes.map((one) => shown(one.name)).join(", ") || "no volume";
          yield draft(document, path, `userVolumeMount ${shown(name)} refers to no volume; there is ${names}`);
        }
        for (const { path, name, origin } of volumes) {
          if (origin !== "annotation" || mounts.some((one) => one.name === name)) continue;
          yield draft(document, path, `volume ${shown(name)} is mounted nowhere`, { severity: "warning" });
        }
      }
    },
  },
  {
    id: "M-A5",
    severity: "error",
    title: "A mountPath is absolute, free and unique",
    why: "A relative path or one with a colon passes every check and fails on the node; one of the sidecar's is refused.",
    fix: "Use a path of its own, such as /var/local/lib/wasm-filters.",
    *check(context) {
      for (const { document, mounts } of mountsOf(context)) {
        const seen = new Set<string>();
        for (const { path, mountPath } of mounts) {
          if (mountPath === undefined) {
            yield draft(document, path, "a mount has no mountPath");
            continue;
          }
          const plain = normalised(mountPath);
          if (!mountPath.startsWith("/")) yield draft(document, path, `mountPath ${shown(mountPath)} must be absolute`);
          else if (mountPath.includes(":"))
            yield draft(document, path, `mountPath ${shown(mountPath)} must not contain ":"`);
          else if (reservedPaths.has(plain))
            yield draft(document, path, `mountPath ${shown(mountPath)} is used by the sidecar itself`);
          else if (seen.has(plain)) yield draft(document, path, `mountPath ${shown(mountPath)} is mounted twice`);
          seen.add(plain);
        }
      }
    },
  },
  {
    id: "M-A6",
    severity: "warning",
    title: "Keys of a mount are spelled as Kubernetes does",
    why: "Unknown keys vanish without a word.",
    fix: 'Write "readOnly" and its like.',
    *check(context) {
      for (const { document, mounts } of mountsOf(context)) {
        for (const { path, value } of mounts) {
          for (const key of Object.keys(value).filter((one) => !mountKeys.includes(one))) {
            const meant = nearest(key.replaceAll("_", ""), mountKeys);
            const message = meant === undefined ? `unknown key ${shown(key)}` : `use "${meant}" (got ${shown(key)})`;
            yield draft(document, path, `userVolumeMount: ${message}`);
          }
        }
      }
    },
  },
  {
    id: "M-A7",
    severity: "warning",
    title: "A patch does not replace volumes that the Deployment has",
    why: "A patch replaces the whole annotation: the volumes of before are gone.",
    fix: "Write the union of both into the patch.",
    *check(context) {
      const [patches, whole] = [true, false].map((isPatch) =>
        context.of("Deployment").filter((one) => one.isPatch === isPatch),
      );
      for (const patch of patches!) {
        for (const deployment of whole!) {
          for (const annotation of annotations) {
            const path = [...templateAnnotations, annotation];
            const [mine, old] = [textAt(patch.value, path), textAt(deployment.value, path)];
            if (mine === undefined || old === undefined || mine === old) continue;
            yield* replaced(patch, deployment, annotation);
          }
        }
      }
    },
  },
  {
    id: "M-A8",
    severity: "error",
    title: "Annotations of a pod template have at most 262,144 bytes together",
    why: "The API server refuses the Deployment.",
    fix: "Keep modules and long texts out of annotations.",
    *check(context) {
      for (const document of context.of("Deployment")) {
        const all = objectAt(document.value, templateAnnotations);
        const bytes = Object.entries(all).reduce(
          (sum, [key, value]) => sum + Buffer.byteLength(key + String(value)),
          0,
        );
        if (bytes > annotationBytes)
          yield draft(
            document,
            templateAnnotations,
            `pod annotations have ${bytes} bytes, more than ${annotationBytes}`,
          );
      }
    },
  },
  {
    id: "M-A9",
    severity: "warning",
    title: "Injection is not turned off for the pod",
    why: "Without a sidecar the annotations are ignored.",
    fix: 'Remove sidecar.istio.io/inject: "false" and hostNetwork: true.',
    *check(context) {
      const annotated = new Set(texts(context).map(({ document }) => document));
      for (const document of annotated) {
        const template = ["spec", "template"];
        for (const map of ["labels", "annotations"]) {
          const path = [...template, "metadata", map, "sidecar.istio.io/inject"];
          const value = valueAt(document.value, path);
          if (String(value) === "false")
            yield draft(document, path, "sidecar injection is disabled for this pod; the annotations will be ignored");
        }
        const host = [...template, "spec", "hostNetwork"];
        if (valueAt(document.value, host) === true)
          yield draft(document, host, "a pod with hostNetwork gets no sidecar; the annotations will be ignored");
      }
    },
  },
];

function* replaced(patch: ManifestDocument, deployment: ManifestDocument, annotation: string) {
  const path = [...templateAnnotations, annotation];
  const list = (document: ManifestDocument) => {
    const { volumes, mounts } = mountsOfDeployment(document);
    return (annotation === volumeAnnotation ? volumes : mounts).filter(({ origin }) => origin === "annotation");
  };
  const key = ({ name, value }: { name: string | undefined; value: JsonObject }): string =>
    annotation === volumeAnnotation ? String(name) : String(value["mountPath"]);
  const mine = new Map(list(patch).map((one) => [key(one), JSON.stringify(one.value)]));
  for (const one of list(deployment)) {
    const now = mine.get(key(one));
    const title = `deployment/${nameOfObject(deployment) ?? "?"}`;
    if (now === undefined) yield draft(patch, path, `${title} already defines ${key(one)}, which this patch removes`);
    else if (now !== JSON.stringify(one.value)) {
      yield draft(patch, path, `${title} already defines ${key(one)} differently`, { severity: "error" });
    }
  }
}
