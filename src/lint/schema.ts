import { didYouMean, sameLetters } from "../abi/nearest.js";
import type { Json, JsonObject, Path } from "../manifest/documents.js";
import { isObject, nameOf } from "../manifest/documents.js";

/** What a custom resource definition says of a value: the part of OpenAPI that Istio's use. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-list-type"?: string;
}

export interface Violation {
  readonly path: Path;
  readonly message: string;
  /** What the key must have meant: the same letters. */
  readonly rename?: string;
}

/** What the API server would have against `value`, unknown fields included, as server-side apply finds them. */
export function* violations(schema: Schema, value: Json | undefined, path: Path): Generator<Violation> {
  if (value === undefined) return;
  const wrong = value === null && schema.nullable === true ? undefined : typeProblem(schema, value);
  if (wrong !== undefined) yield { path, message: wrong };
  else if (typeof value === "string") yield* ofText(schema, value, path);
  else if (typeof value === "number") yield* ofNumber(schema, value, path);
  else if (Array.isArray(value)) yield* ofList(schema, value, path);
  else if (isObject(value)) yield* ofObject(schema, value, path);
}

function typeProblem({ type, format }: Schema, value: Json): string | undefined {
  const is = nameOf(value);
  switch (type) {
    case "object":
      return isObject(value) ? undefined : `must be an object, and is ${is}`;
    case "array":
      return Array.isArray(value) ? undefined : `must be a list, and is ${is}`;
    case "string":
      return typeof value === "string" ? undefined : `must be a string, and is ${is}; write it in quotes`;
    case "boolean":
      return typeof value === "boolean" ? undefined : `must be true or false, and is ${is}`;
    case "integer":
      if (typeof value !== "number") return `must be an integer, and is ${is}`;
      if (!Number.isInteger(value)) return `must be an integer, and is ${value}`;
      return format === "int32" && Math.abs(value + 0.5) > 2 ** 31 ? `${value} exceeds int32` : undefined;
    default:
      return undefined;
  }
}

function* ofText(schema: Schema, value: string, path: Path): Generator<Violation> {
  const { enum: words, minLength = 0, maxLength = Infinity, pattern } = schema;
  if (words !== undefined && !words.includes(value)) {
    yield { path, message: `${JSON.stringify(value)} is none of ${words.join(", ")}${didYouMean(value, words)}` };
  }
  const length = [...value].length;
  if (length < minLength) yield { path, message: "must not be empty" };
  if (length > maxLength) yield { path, message: `has ${length} characters, at most ${maxLength} are allowed` };
  if (pattern !== undefined && !new RegExp(pattern).test(value)) yield { path, message: `does not match ${pattern}` };
}

function* ofNumber({ minimum = -Infinity, maximum = Infinity }: Schema, value: number, path: Path) {
  if (value < minimum) yield { path, message: `${value} is less than ${minimum}` };
  if (value > maximum) yield { path, message: `${value} is more than ${maximum}` };
}

function* ofList(schema: Schema, value: readonly Json[], path: Path): Generator<Violation> {
  const { items, maxItems = Infinity } = schema;
  if (value.length > maxItems) yield { path, message: `has ${value.length} entries, at most ${maxItems} are allowed` };
  const keys = schema["x-kubernetes-list-map-keys"];
  const seen = new Set<string>();
  for (const [index, one] of value.entries()) {
    if (items !== undefined) yield* violations(items, one, [...path, index]);
    if (keys === undefined || !isObject(one)) continue;
    const key = JSON.stringify(keys.map((name) => one[name]));
    if (seen.has(key)) yield { path: [...path, index], message: `a second entry with the same ${keys.join(", ")}` };
    seen.add(key);
  }
}

function* ofObject(schema: Schema, value: JsonObject, path: Path): Generator<Violation> {
  const { properties, additionalProperties, required = [], oneOf } = schema;
  for (const name of required) if (value[name] === undefined) yield { path, message: `${name} is missing` };
  if (oneOf !== undefined) yield* choice(oneOf, value, path);
  for (const [key, one] of Object.entries(value)) {
    const known = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (known !== undefined) yield* violations(known, one, [...path, key]);
    else if (properties !== undefined && schema["x-kubernetes-preserve-unknown-fields"] !== true) {
      const meant = Object.keys(properties).find((name) => sameLetters(name, key) && value[name] === undefined);
      const message = `unknown field${didYouMean(key.replaceAll("_", ""), Object.keys(properties))}`;
      yield { path: [...path, key], message, ...(meant !== undefined && { rename: meant }) };
    }
  }
}

/** `oneOf` of required fields: one of them, or none when an alternative says so with `not`. */
function* choice(oneOf: readonly Schema[], value: JsonObject, path: Path): Generator<Violation> {
  const names = oneOf.flatMap(({ required = [] }) => required);
  const given = names.filter((name) => value[name] !== undefined);
  const mayBeNone = oneOf.some(({ not }) => not !== undefined);
  if (given.length > 1) yield { path, message: `has ${given.join(" and ")}, of which only one may stand` };
  if (given.length === 0 && !mayBeNone) yield { path, message: `needs one of ${names.join(", ")}` };
}
