import type { Json, JsonObject, ManifestDocument, ManifestFile, ManifestKind, Path } from "../manifest/documents.js";
import { isObject, valueAt } from "../manifest/documents.js";
import type { WasmFilter } from "../manifest/wasm-filters.js";
import { wasmFiltersOf } from "../manifest/wasm-filters.js";
import type { ImageLayout } from "./image-layout.js";
import type { LintModule } from "./module-facts.js";
import type { LintTarget } from "./target.js";

/** One element of `spec.configPatches`. */
export interface PatchPlace {
  readonly document: ManifestDocument;
  readonly path: Path;
  readonly value: JsonObject;
  readonly applyTo: Json | undefined;
  readonly operation: Json | undefined;
  readonly context: string;
}

/** One plugin in the words of Envoy. */
export interface PluginPlace extends WasmFilter {
  readonly document: ManifestDocument;
  /** Of the EnvoyFilter it stands in; undefined in a bootstrap. */
  readonly patch: PatchPlace | undefined;
}

export interface LintSettings {
  readonly files: readonly ManifestFile[];
  readonly images: readonly ImageLayout[];
  readonly target: LintTarget;
  readonly module: LintModule | undefined;
  /** The manifests go through client-side `kubectl apply`. */
  readonly clientApply: boolean;
  readonly rootNamespace: string;
  /** Ids of all rules. */
  readonly ruleIds: ReadonlySet<string>;
}

/** What rules look at: all documents together, what the caller said about the target, and the module. */
export class LintContext {
  readonly files: readonly ManifestFile[];
  readonly images: readonly ImageLayout[];
  readonly target: LintTarget;
  readonly module: LintModule | undefined;
  readonly clientApply: boolean;
  readonly rootNamespace: string;
  readonly ruleIds: ReadonlySet<string>;
  readonly documents: readonly ManifestDocument[];
  readonly patches: readonly PatchPlace[];
  readonly plugins: readonly PluginPlace[];

  constructor(settings: LintSettings) {
    this.files = settings.files;
    this.images = settings.images;
    this.target = settings.target;
    this.module = settings.module;
    this.clientApply = settings.clientApply;
    this.rootNamespace = settings.rootNamespace;
    this.ruleIds = settings.ruleIds;
    this.documents = this.files.flatMap(({ documents }) => documents);
    this.patches = this.of("EnvoyFilter").flatMap(patchesOf);
    this.plugins = this.documents.flatMap((document) => pluginsOf(document, this.patches));
  }

  /** The documents of these kinds, in order. */
  of(...kinds: readonly ManifestKind[]): ManifestDocument[] {
    return this.documents.filter(({ kind }) => kind !== undefined && kinds.includes(kind));
  }

  /** WasmPlugin and TrafficExtension with the path and object that have `url`. */
  wasmPlugins(): { document: ManifestDocument; path: Path; value: JsonObject; spec: JsonObject }[] {
    return this.of("WasmPlugin", "TrafficExtension").flatMap((document) => {
      const spec = objectAt(document.value, ["spec"]);
      const path = document.kind === "WasmPlugin" ? ["spec"] : ["spec", "wasm"];
      const value = valueAt(document.value, path);
      return isObject(value) ? [{ document, path, value, spec }] : [];
    });
  }
}

function pluginsOf(document: ManifestDocument, patches: readonly PatchPlace[]): PluginPlace[] {
  const own = patches.filter((patch) => patch.document === document);
  return wasmFiltersOf(document).map((plugin) => {
    const patch = own.find(({ path }) => path.every((step, index) => plugin.path[index] === step));
    return Object.assign({ document, patch }, plugin);
  });
}

function patchesOf(document: ManifestDocument): PatchPlace[] {
  return listAt(document.value, ["spec", "configPatches"]).flatMap((value, index) => {
    if (!isObject(value)) return [];
    const context = valueAt(value, ["match", "context"]);
    return [
      {
        document,
        path: ["spec", "configPatches", index],
        value,
        applyTo: value["applyTo"],
        operation: valueAt(value, ["patch", "operation"]),
        context: typeof context === "string" ? context : "ANY",
      },
    ];
  });
}

/** The object at `path`, or an empty one. */
export function objectAt(value: Json | undefined, path: Path): JsonObject {
  const found = valueAt(value, path);
  return isObject(found) ? found : {};
}

/** The list at `path`, or an empty one. */
export function listAt(value: Json | undefined, path: Path): readonly Json[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

/** The string at `path`, or undefined. */
export function textAt(value: Json | undefined, path: Path): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
}

export const nameOfObject = ({ value }: ManifestDocument): string | undefined => textAt(value, ["metadata", "name"]);
export const namespaceOf = ({ value }: ManifestDocument): string | undefined =>
  textAt(value, ["metadata", "namespace"]);

/** `EnvoyFilter "x"`, for messages. */
export function titleOf(document: ManifestDocument): string {
  const name = nameOfObject(document);
  const kind = document.isPatch ? "the patch" : (document.kind ?? "object");
  return name === undefined ? kind : `${kind} ${JSON.stringify(name)}`;
}

/** Where the labels of an object's workloads stand, with the labels. */
export function selectorOf(document: ManifestDocument): { path: Path; labels: JsonObject } | undefined {
  const path =
    document.kind === "EnvoyFilter" ? ["spec", "workloadSelector", "labels"] : ["spec", "selector", "matchLabels"];
  const parent = valueAt(document.value, path.slice(0, -1));
  if (!isObject(parent)) return undefined;
  return { path, labels: objectAt(document.value, path) };
}

/** What an object has under a key, or undefined. */
export const valueIn = (value: Json | undefined, key: string): Json | undefined => valueAt(value, [key]);
