import type { Draw } from "./draw.js";

const others = [null, true, false, 0, -1, 1.5, 1e21, 2 ** 53, "", "a", "é", "a".repeat(300), [], {}];

/** A value near this one: a member or an element is gone, twice there, of another type, or another value of its type. */
export function jsonNear(draw: Draw, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0 && !draw.once(4)) {
    const at = draw.below(value.length);
    switch (draw.below(4)) {
      case 0:
        return value.toSpliced(at, 1);
      case 1:
        return [...value, ...value];
      default:
        return value.with(at, jsonNear(draw, value[at]));
    }
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !draw.once(6)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return { a: draw.pick(others) };
    const at = draw.below(entries.length);
    const [name, member] = entries[at]!;
    switch (draw.below(5)) {
      case 0:
        return Object.fromEntries(entries.toSpliced(at, 1));
      case 1:
        return { ...value, [`${name}x`]: member };
      default:
        return { ...value, [name]: jsonNear(draw, member) };
    }
  }
  if (draw.once(3)) return draw.pick(others);
  if (typeof value === "number") return draw.pick([value + 1, -value, value * 1e6, value + 0.5, 0]);
  if (typeof value === "string")
    return draw.pick(["", `${value}x`, value.slice(1), value.toUpperCase(), value.repeat(20)]);
  return typeof value === "boolean" ? !value : draw.pick(others);
}

/** The parts of JSON Schema that say what a value looks like; any other keyword is passed over. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema | boolean>>;
  readonly required?: readonly string[];
  readonly items?: Schema | boolean;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly (Schema | boolean)[];
  readonly oneOf?: readonly (Schema | boolean)[];
  readonly allOf?: readonly (Schema | boolean)[];
  readonly $ref?: string;
}

const deepest = 6;

/** A value that a schema describes, as far as it is known here: `$ref` within it, types, limits, properties, items, choices. */
export const jsonOfSchema = (draw: Draw, schema: unknown): unknown => valueOf(draw, schema, schema, 0);

function valueOf(draw: Draw, given: unknown, root: unknown, depth: number): unknown {
  if (typeof given !== "object" || given === null || depth > deepest) return draw.pick(others);
  const { $ref, ...own } = given as Schema;
  if ($ref !== undefined) return valueOf(draw, referred(root, $ref), root, depth + 1);
  const schema: Schema = {
    ...own,
    ...Object.assign({}, ...(own.allOf ?? []).filter((one) => typeof one === "object")),
  };
  if ("const" in schema) return schema.const;
  const named = schema.enum ?? (draw.once(3) ? schema.examples : undefined);
  if (named !== undefined && named.length > 0) return draw.pick(named);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined && choices.length > 0) return valueOf(draw, draw.pick(choices), root, depth + 1);
  const types = schema.type ?? (schema.properties ? "object" : schema.items ? "array" : undefined);
  switch (typeof types === "string" ? types : types && draw.pick(types)) {
    case "object": {
      const { properties = {}, required = [] } = schema;
      const members = Object.entries(properties).filter(([name]) => required.includes(name) || draw.once(2));
      return Object.fromEntries(members.map(([name, one]) => [name, valueOf(draw, one, root, depth + 1)]));
    }
    case "array": {
      const { minItems = 0, maxItems = minItems + 4, items = true } = schema;
      return draw.list(draw.between(minItems, Math.min(maxItems, minItems + 20)), () =>
        valueOf(draw, items, root, depth + 1),
      );
    }
    case "integer":
    case "number": {
      const { minimum = -1, maximum = Math.max(minimum, 2 ** 31) } = schema;
      return draw.once(3)
        ? draw.pick([minimum, maximum])
        : Math.floor(minimum + draw.below(1000) * ((maximum - minimum) / 1000));
    }
    case "string": {
      const { minLength = 0, maxLength = minLength + 20 } = schema;
      return draw
        .pick(["a", "é", "0", " ", '"'])
        .repeat(draw.between(minLength, Math.min(maxLength, minLength + 1000)));
    }
    case "boolean":
      return draw.once(2);
    case "null":
      return null;
    default:
      return draw.pick(others);
  }
}

/** `#/$defs/name` within the schema; what is not there allows anything. */
function referred(root: unknown, ref: string): unknown {
  if (!ref.startsWith("#")) return true;
  const steps = ref
    .slice(1)
    .split("/")
    .slice(1)
    .map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : undefined),
    root,
  );
}
