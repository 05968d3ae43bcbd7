import type { Json, JsonObject, ManifestDocument, Path } from "../manifest/documents.js";
import { isObject } from "../manifest/documents.js";
import type { LintContext } from "./context.js";
import { listAt, nameOfObject, objectAt, textAt } from "./context.js";

export const volumeAnnotation = "sidecar.istio.io/userVolume";
export const mountAnnotation = "sidecar.istio.io/userVolumeMount";

type Origin = "annotation" | "pod";

export interface Volume {
  readonly path: Path;
  readonly origin: Origin;
  readonly name: string | undefined;
  readonly value: JsonObject;
}

export interface Mount {
  readonly path: Path;
  readonly origin: Origin;
  /** Of the volume. */
  readonly name: string | undefined;
  readonly mountPath: string | undefined;
  readonly value: JsonObject;
}

/** Volumes of a pod template, and what of them the proxy's container sees. */
export interface Mounts {
  readonly document: ManifestDocument;
  readonly volumes: readonly Volume[];
  readonly mounts: readonly Mount[];
}

export const templateAnnotations: Path = ["spec", "template", "metadata", "annotations"];

/** What a `userVolume` or `userVolumeMount` says: a list, or an object whose keys are the names. */
export type AnnotationValue =
  | { readonly problem: string }
  | { readonly elements: readonly { readonly name: string | undefined; readonly value: Json }[] };

export function annotationValue(text: string): AnnotationValue {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (thrown) {
    // what JSON.parse says of the text itself may be a secret
    const at = /position (\d+)/.exec((thrown as Error).message)?.[1];
    return { problem: `is not valid JSON${at === undefined ? "" : ` at position ${at}`}` };
  }
  if (Array.isArray(parsed)) {
    return { elements: parsed.map((value) => ({ name: textAt(value, ["name"]), value })) };
  }
  if (isObject(parsed)) {
    const entries = Object.entries(parsed);
    return {
      elements: entries.map(([key, value]) => ({ name: textAt(value, ["name"]) ?? key, value: value ?? null })),
    };
  }
  return { problem: "is neither a list nor an object" };
}

export function mountsOf(context: LintContext): Mounts[] {
  return context.of("Deployment").map((document) => mountsOfDeployment(document));
}

export function mountsOfDeployment(document: ManifestDocument): Mounts {
  const pod: Path = ["spec", "template", "spec"];
  const proxy = listAt(document.value, [...pod, "containers"]).findIndex(
    (one) => textAt(one, ["name"]) === "istio-proxy",
  );
  const ofProxy: Path = [...pod, "containers", proxy, "volumeMounts"];
  return {
    document,
    volumes: [...annotated(document, volumeAnnotation), ...listed(document, [...pod, "volumes"])],
    mounts: [...annotated(document, mountAnnotation), ...(proxy < 0 ? [] : listed(document, ofProxy))].map(mountOf),
  };
}

const mountOf = (one: Volume): Mount => Object.assign({ mountPath: textAt(one.value, ["mountPath"]) }, one);

function annotated(document: ManifestDocument, annotation: string): Volume[] {
  const path = [...templateAnnotations, annotation];
  const text = textAt(document.value, path);
  const parsed = text === undefined ? undefined : annotationValue(text);
  if (parsed === undefined || "problem" in parsed) return [];
  return parsed.elements.flatMap(({ name, value }) =>
    isObject(value) ? [{ path, origin: "annotation" as const, name, value }] : [],
  );
}

function listed(document: ManifestDocument, path: Path): Volume[] {
  return listAt(document.value, path).flatMap((value, index) =>
    isObject(value) ? [{ path: [...path, index], origin: "pod" as const, name: textAt(value, ["name"]), value }] : [],
  );
}

export interface Exposed {
  readonly mount: Mount;
  readonly volume: Volume | undefined;
  /** Files that the proxy sees, absolute; undefined where that cannot be told. */
  readonly files: readonly string[] | undefined;
}

/** What the proxies of these Deployments and patches see of mounted volumes. */
export function exposedBy(context: LintContext, documents: readonly ManifestDocument[]): Exposed[] {
  const all = documents.map((document) => mountsOfDeployment(document));
  const volumes = all.flatMap((one) => one.volumes);
  return all.flatMap(({ mounts }) =>
    mounts.map((mount) => {
      const volume = volumes.find(({ name }) => name === mount.name);
      return { mount, volume, files: filesOf(context, mount, volume) };
    }),
  );
}

function filesOf(context: LintContext, mount: Mount, volume: Volume | undefined): string[] | undefined {
  const source = objectAt(volume?.value, ["configMap"]);
  const name = textAt(source, ["name"]);
  const map = context.of("ConfigMap").find((one) => nameOfObject(one) === name);
  if (name === undefined || map === undefined || mount.mountPath === undefined) return undefined;
  const keys = keysOf(map);
  const items = listAt(source, ["items"]);
  const inVolume = items.length === 0 ? keys : items.flatMap((item) => textAt(item, ["path"]) ?? []);
  const subPath = textAt(mount.value, ["subPath"]);
  if (subPath === undefined) return inVolume.map((file) => normalised(`${mount.mountPath}/${file}`));
  return inVolume.includes(subPath) ? [normalised(mount.mountPath)] : [];
}

/** The keys of a ConfigMap, of both its maps. */
export function keysOf({ value }: ManifestDocument): string[] {
  return ["binaryData", "data"].flatMap((map) => Object.keys(objectAt(value, [map])));
}

/** Without `//`, `.` and `..`. */
export function normalised(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `${path.startsWith("/") ? "/" : ""}${parts.join("/")}`;
}
