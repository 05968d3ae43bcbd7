import type { ByteString } from "../../abi/bytes.js";
import { utf8ByteString } from "../../abi/bytes.js";
import { didYouMean } from "../../abi/nearest.js";
import { HarnessError } from "../../errors.js";
import type { PropertyValue } from "../../host/stream-port.js";
import type { AttributeKind } from "./attribute-kinds.js";
import { attributeGroups, attributeKind, attributeKinds, topLevelNames } from "./attribute-kinds.js";
import type { FilterMetadata, Locality, NodeSettings } from "./config-messages.js";
import { localityMessage, metadataMessage, nodeMessage } from "./config-messages.js";
import type { Properties, Property, Value } from "./property-value.js";
import { encodeProperty } from "./property-value.js";

/** Properties that a test set, checked and ready to be read. */
export class GivenProperties {
  /** By path, as its UTF-8 bytes. */
  private readonly _values: ReadonlyMap<ByteString, Value>;

  /** @throws {HarnessError} OPTION_INVALID for a path that Envoy would never look up, and a value of another type. */
  constructor(properties: Properties) {
    this._values = new Map(
      Object.entries(properties).map(([path, value]) => [storedPath(path), checkedValue(path, value)]),
    );
  }

  has(path: string): boolean {
    return this._values.has(path);
  }

  get(path: string): Value {
    return this._values.get(path);
  }

  /** Is something set that the path is a beginning of? */
  hasBelow(path: string): boolean {
    for (const one of this._values.keys()) if (one.startsWith(`${path}.`)) return true;
    return false;
  }

  /** The longest prefix of the path that is set, stepped into with the rest; undefined where none is. */
  find(segments: readonly ByteString[]): PropertyValue | undefined {
    if (this._values.size === 0) return undefined;
    const names = segments[1] === "headers" ? segments.map((one, i) => (i === 2 ? one.toLowerCase() : one)) : segments;
    for (let length = names.length; length > 0; length--) {
      const path = names.slice(0, length).join(".");
      if (this._values.has(path)) return encodeProperty(this._values.get(path), names.slice(length));
    }
    return undefined;
  }
}

/** Kept for each object of properties: most streams of a proxy have the same. */
const known = new WeakMap<Properties, GivenProperties>();

/** As the constructor; made once for an object, which is not to be changed afterwards. */
export function givenProperties(properties: Properties): GivenProperties {
  let given = known.get(properties);
  if (given === undefined) known.set(properties, (given = new GivenProperties(properties)));
  return given;
}

/** Prefix of names in the filter state that plugins read and set without it. */
const plugins = "filter_state.wasm.";

/** Names of plugins' own properties go where those would be that a plugin sets: it can set them anew. */
function storedPath(path: string): ByteString {
  const known = attributeAt(path) !== undefined || attributeGroups.has(path.split(".", 1)[0]!);
  return utf8ByteString(known ? path : plugins + path);
}

/** The attribute that a path names or goes on from. */
function attributeAt(path: string): { readonly path: string; readonly kind: AttributeKind } | undefined {
  const parts = path.split(".");
  for (const length of [1, 2]) {
    const name = parts.slice(0, length).join(".");
    const kind = attributeKind(name);
    if (kind !== undefined && (parts.length <= length || isDeep(kind))) return { path: name, kind };
  }
  return undefined;
}

const isDeep = (kind: AttributeKind): boolean => !["text", "int", "bool"].includes(kind);

function checkedValue(path: string, value: Property): Value {
  const attribute = attributeAt(path);
  if (attribute === undefined) {
    checkName(path);
    return value;
  }
  if (attribute.path !== path || value === null || value === undefined || value instanceof Uint8Array) return value;
  const { kind } = attribute;
  if (!fits(kind, value)) {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot set property "${path}": wanted ${wanted[kind]}, got ${shown(value)}`,
    );
  }
  if (kind === "metadata") return metadataMessage(value as FilterMetadata);
  if (kind === "locality") return localityMessage(value as Locality);
  return kind === "node" ? nodeMessage(value as NodeSettings) : value;
}

/** A name that is no attribute's must not look like one: it would be read by nobody. */
function checkName(path: string): void {
  const first = path.split(".", 1)[0]!;
  const refuse = (why: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot set property "${path}"${why}`);
  };
  if (first === "") refuse(": the path has an empty name");
  if (first.startsWith("plugin_")) refuse(": options name, rootId and vmId say it");
  if (attributeGroups.has(path)) refuse(": it is a group, which has no bytes; set its members");
  if (first === "filter_state" || first === "upstream_filter_state") return;
  if (attributeGroups.has(first)) {
    const [, second = ""] = path.split(".");
    const kind = attributeKind(`${first}.${second}`);
    if (kind !== undefined) refuse(`: there is nothing below ${first}.${second}, which is ${wanted[kind]}`);
    refuse(`${didYouMean(path, Object.keys(attributeKinds))}: Envoy has no such attribute`);
  }
  const own = `; for a property that a plugin sets, write "${plugins}${path}"`;
  if (topLevelNames.has(first))
    refuse(` (did you mean "xds.${path}"?): Envoy has it without xds up to 1.32 only${own}`);
  const hint = didYouMean(path, Object.keys(attributeKinds)) || didYouMean(first, attributeGroups);
  if (hint !== "") refuse(`${hint}: Envoy has no such attribute${own}`);
}

const wanted: Readonly<Record<AttributeKind, string>> = {
  text: "a text",
  int: "a whole number",
  bool: "true or false",
  headers: "an object of texts by header name",
  metadata: "an object of values by filter name and key",
  node: "an object with id, cluster, metadata, locality",
  locality: "an object with region, zone, subZone",
};

function fits(kind: AttributeKind, value: Property): boolean {
  switch (kind) {
    case "text":
      return typeof value === "string";
    case "int":
      return typeof value === "bigint" || Number.isSafeInteger(value);
    case "bool":
      return typeof value === "boolean";
    case "headers":
      return typeof value === "object" && Object.values(value as object).every((one) => typeof one === "string");
    default:
      return typeof value === "object" && !Array.isArray(value);
  }
}

const shown = (value: Property): string =>
  typeof value === "string"
    ? JSON.stringify(value)
    : Array.isArray(value)
      ? "a list"
      : typeof value === "object"
        ? "an object"
        : String(value);

/**
 * A property from text, as a command line has it: numbers and booleans where the attribute is one, all else text.
 *
 * @throws {HarnessError} OPTION_INVALID for a text that is no such value.
 */
export function propertyFromText(path: string, text: string): Property {
  const kind = attributeKind(path);
  if (kind === "int" && /^-?\d+$/.test(text)) return BigInt(text);
  if (kind === "bool" && (text === "true" || text === "false")) return text === "true";
  if (kind !== undefined && isDeep(kind)) {
    try {
      return JSON.parse(text) as Property;
    } catch {
      throw new HarnessError("OPTION_INVALID", `Cannot set property "${path}": wanted JSON, ${wanted[kind]}`);
    }
  }
  return text;
}
