import type { Document, Node, ParsedNode } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";

/** A step for each key and index from the top of a document. */
export type Path = readonly (string | number)[];

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** Where something stands in a file, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type ManifestKind =
  | "EnvoyFilter"
  | "WasmPlugin"
  | "TrafficExtension"
  | "EnvoyExtensionPolicy"
  | "ConfigMap"
  | "Deployment" // also a patch of one: it has only spec.template
  | "Service"
  | "Namespace"
  | "HigressWasmPlugin"
  | "Bootstrap"; // a static configuration of Envoy, no Kubernetes object

/** One object of a YAML file, with the place of each of its parts. */
export interface ManifestDocument {
  readonly file: string;
  /** Undefined: an object that says nothing about plugins. */
  readonly kind: ManifestKind | undefined;
  readonly value: JsonObject;
  /** True for a strategic merge patch: no kind, no name. */
  readonly isPatch: boolean;
  /** Where `path` stands; where its nearest parent stands when it is absent. The key of a pair, not its value. */
  at(path: Path): Place;
  /** First and last offset of the value at `path`, for edits. */
  range(path: Path): readonly [number, number] | undefined;
  /** First and last offset of the last key of `path`, for edits. */
  keyRange(path: Path): readonly [number, number] | undefined;
}

export interface ManifestProblem {
  readonly what: "syntax" | "duplicate-key" | "empty" | "not-an-object";
  readonly message: string;
  readonly place: Place;
}

export interface ManifestFile {
  readonly file: string;
  readonly text: string;
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads every document of a YAML (or JSON) file. Never throws for what stands in it: `problems` tells.
 * Of a key that stands twice the last counts, as for kubectl; a `List` counts as its items.
 */
export function readManifest(text: string, file: string): ManifestFile {
  const lines = new LineCounter();
  const problems: ManifestProblem[] = [];
  const documents: ManifestDocument[] = [];
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parsed = parseAllDocuments<ParsedNode>(text, { lineCounter: lines, prettyErrors: false });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    let broken = false;
    for (const { code, message, pos } of document.errors) {
      const duplicate = code === "DUPLICATE_KEY";
      if (broken && !duplicate) continue; // what follows the first is its consequence
      broken ||= !duplicate;
      const said = duplicate ? `The key ${keyAt(text, pos[0])} stands here a second time` : plainMessage(message);
      problems.push({ what: duplicate ? "duplicate-key" : "syntax", message: said, place: place(pos[0]) });
    }
    if (broken || document.contents === null) continue;
    if (isScalar(document.contents) && document.contents.value === null) continue;
    let value: Json;
    try {
      value = document.toJS({ maxAliasCount: 100 }) as Json;
    } catch (thrown) {
      const message = plainMessage(thrown instanceof Error ? thrown.message : String(thrown));
      problems.push({ what: "syntax", message, place: place(document.range[0]) });
      continue;
    }
    if (isTooDeep(value, deepest)) {
      problems.push({ what: "syntax", message: tooDeep, place: place(document.contents.range[0]) });
      continue;
    }
    if (!isObject(value)) {
      const message = `This is ${nameOf(value)}, no object with apiVersion and kind`;
      problems.push({ what: "not-an-object", message, place: place(document.contents.range[0]) });
      continue;
    }
    documents.push(...objectsOf(document, value, file, place));
  }
  if (documents.length === 0 && problems.length === 0) {
    problems.push({ what: "empty", message: "There is no object in this file", place: { line: 1, column: 1 } });
  }
  return { file, text, documents, problems };
}

/** More levels no object of Kubernetes or Envoy has. */
const deepest = 200;
const tooDeep = `This contains itself, or is nested more than ${deepest} levels deep`;

const isTooDeep = (value: Json | undefined, left: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (left === 0 || Object.values(value).some((one) => isTooDeep(one, left - 1)));

/** The parser meets its own limit as an overflow of the stack. */
const plainMessage = (message: string): string => (/call stack/i.test(message) ? tooDeep : message);

function objectsOf(
  document: Document.Parsed<ParsedNode>,
  value: JsonObject,
  file: string,
  place: (offset: number) => Place,
): ManifestDocument[] {
  if (value["kind"] === "List" && Array.isArray(value["items"])) {
    return value["items"].flatMap((item, index) =>
      isObject(item) ? [objectAt(document, item, ["items", index], file, place)] : [],
    );
  }
  return [objectAt(document, value, [], file, place)];
}

function objectAt(
  document: Document.Parsed<ParsedNode>,
  value: JsonObject,
  prefix: Path,
  file: string,
  place: (offset: number) => Place,
): ManifestDocument {
  const kind = kindOf(value);
  const find = (path: Path): Found => findNode(document, [...prefix, ...path]);
  return {
    file,
    kind,
    value,
    isPatch: kind === "Deployment" && value["kind"] === undefined,
    at: (path) => place(find(path).start),
    range(path) {
      const { node, exact } = find(path);
      return exact && node?.range ? [node.range[0], node.range[1]] : undefined;
    },
    keyRange(path) {
      const { key, exact } = find(path);
      return exact && key?.range ? [key.range[0], key.range[1]] : undefined;
    },
  };
}

interface Found {
  readonly node: Node | null;
  readonly key: Node | undefined;
  readonly start: number;
  /** False: this is the nearest parent. */
  readonly exact: boolean;
}

function findNode(document: Document.Parsed<ParsedNode>, path: Path): Found {
  let node: Node | null = document.contents;
  let key: Node | undefined;
  let start = document.contents?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap(node)) {
      const pair = node.items.findLast((one) => String(isScalar(one.key) ? one.key.value : one.key) === String(step));
      if (pair === undefined) return { node, key, start, exact: false };
      key = pair.key as Node;
      node = pair.value as Node | null;
      start = key.range?.[0] ?? start;
    } else if (isSeq(node) && typeof step === "number" && step < node.items.length) {
      key = undefined;
      node = node.items[step] as Node | null;
      start = node?.range?.[0] ?? start;
    } else return { node, key, start, exact: false };
  }
  return { node, key, start, exact: true };
}

const groups: Readonly<Record<string, ManifestKind>> = {
  "networking.istio.io/EnvoyFilter": "EnvoyFilter",
  "extensions.istio.io/WasmPlugin": "WasmPlugin",
  "extensions.istio.io/TrafficExtension": "TrafficExtension",
  "extensions.higress.io/WasmPlugin": "HigressWasmPlugin",
  "gateway.envoyproxy.io/EnvoyExtensionPolicy": "EnvoyExtensionPolicy",
  "apps/Deployment": "Deployment",
  "/ConfigMap": "ConfigMap",
  "/Service": "Service",
  "/Namespace": "Namespace",
};

function kindOf(value: JsonObject): ManifestKind | undefined {
  const { apiVersion, kind } = value;
  if (typeof kind === "string") {
    const version = typeof apiVersion === "string" ? apiVersion : "";
    const group = version.includes("/") ? version.slice(0, version.lastIndexOf("/")) : "";
    return groups[`${group}/${kind}`];
  }
  if (isObject(value["static_resources"]) || isObject(value["staticResources"])) return "Bootstrap";
  const spec = value["spec"];
  if (apiVersion === undefined && isObject(spec) && isObject(spec["template"])) return "Deployment";
  return undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at `path`, or undefined. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const step of path) {
    if (Array.isArray(found)) found = typeof step === "number" ? found[step] : undefined;
    else if (isObject(found)) found = Object.hasOwn(found, step) ? found[step] : undefined;
    else return undefined;
  }
  return found;
}

/** `spec.configPatches[0].match` */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** `a string`, `an object`, … for messages. */
export function nameOf(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function keyAt(text: string, offset: number): string {
  return /^"[^"\n]*"|^[^:\s]+/.exec(text.slice(offset, offset + 100))?.[0] ?? "of this line";
}
